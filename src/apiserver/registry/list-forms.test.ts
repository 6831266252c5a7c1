import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeEnvelope, decodeObject, type KubeObject, message, parseYaml } from '#api';
import { admin, startTestServer, type TestServer } from '../testing/in-process-server.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const COUNT = 1_000;
const JSON_TYPE = 'application/json';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const META = 'v=v1;g=meta.k8s.io';

let test: TestServer;
beforeAll(async () => {
  test = await startTestServer();
  for (let from = 0; from < COUNT; from += 100) {
    const ops = Array.from({ length: 100 }, (_, i) => {
      const name = `m-${String(from + i).padStart(4, '0')}`;
      const object = {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { name, namespace: 'default', uid: name, creationTimestamp: '2026-01-01T00:00:00Z' },
        data: { text: 'x'.repeat(1_500) },
      };
      const value = Buffer.from(JSON.stringify(object));
      return { op: 'put' as const, key: `/registry/configmaps/default/${name}`, value };
    });
    await test.store.txn([], ops);
  }
});
afterAll(() => test.stop());

/** A list as bytes, and how often the event loop came round while it was made. */
async function list(accept: string, query = ''): Promise<{ body: Buffer; turns: number }> {
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const { body } = await test.server.handle({
    method: 'GET',
    url: MAPS + query,
    headers: { accept },
    user: admin,
    signal: new AbortController().signal,
    body: async () => Buffer.alloc(0),
    stream: () => {
      throw new Error('no body');
    },
  });
  const pieces: Buffer[] = [];
  if (Buffer.isBuffer(body)) pieces.push(body);
  else for await (const piece of body) pieces.push(piece);
  done = true;
  return { body: Buffer.concat(pieces), turns };
}

type AnyList = { metadata: { resourceVersion: string }; items: KubeObject[] };

async function plain(query = ''): Promise<AnyList> {
  return JSON.parse((await list(JSON_TYPE, query)).body.toString()) as AnyList;
}

/** The server may write something of its own between two lists. Continue tokens hold the version, too. */
function unversioned<T extends object>(listed: T): T {
  const { metadata, ...rest } = listed as AnyList;
  const { resourceVersion, continue: token, ...others } = metadata as Record<string, unknown>;
  expect(Number(resourceVersion)).toBeGreaterThan(0);
  return { ...rest, metadata: { ...others, continued: token !== undefined } } as unknown as T;
}

describe.each(['', '?limit=3', '?labelSelector=no=where'])('a list with query "%s"', (query) => {
  it('says the same in YAML as in JSON', async () => {
    const { body } = await list('application/yaml', query);
    const { value } = parseYaml(body, { strict: true });
    expect(unversioned(value as object)).toEqual(unversioned(await plain(query)));
  });

  it('says the same in protobuf as in JSON', async () => {
    const { body } = await list(PROTOBUF, query);
    const kind = [...test.server.kinds].find(({ message }) => message === 'core.v1.ConfigMap')!;
    const listKind = { ...kind, kind: 'ConfigMapList', message: 'core.v1.ConfigMapList' };
    const { object } = decodeObject(body, PROTOBUF, { kind: listKind });
    const { metadata, items = [] } = object as unknown as Partial<AnyList>;
    const wanted = await plain(query);
    expect(unversioned({ metadata, items })).toEqual(
      unversioned({ metadata: wanted.metadata, items: wanted.items }),
    );
  });

  it('has a row and a cut-down object for each item', async () => {
    const { items, metadata } = await plain(query);
    const names = items.map((item) => item.metadata.name);
    const table = JSON.parse((await list(`${JSON_TYPE};as=Table;${META}`, query)).body.toString());
    expect(table.rows.map((row: { cells: unknown[] }) => row.cells[0])).toEqual(names);
    expect(unversioned({ metadata: table.metadata })).toEqual(unversioned({ metadata }));
    const partial = JSON.parse(
      (await list(`${JSON_TYPE};as=PartialObjectMetadataList;${META}`, query)).body.toString(),
    );
    expect(partial.items.map((item: KubeObject) => item.metadata)).toEqual(items.map((i) => i.metadata));
    expect(partial.kind).toBe('PartialObjectMetadataList');
    const { body } = await list(`${PROTOBUF};as=PartialObjectMetadataList;${META},${JSON_TYPE}`, query);
    const envelope = decodeEnvelope(body);
    const decoded = envelope.decode(message('meta.v1.PartialObjectMetadataList'));
    expect({ apiVersion: envelope.apiVersion, kind: envelope.kind }).toEqual({
      apiVersion: 'meta.k8s.io/v1',
      kind: 'PartialObjectMetadataList',
    });
    expect(decoded['items'] ?? []).toEqual(items.map((item) => ({ metadata: item.metadata })));
    expect(unversioned(decoded)['metadata']).toEqual(unversioned({ metadata }).metadata);
  });
});

describe('a long list', () => {
  it.each([
    ['JSON', JSON_TYPE],
    ['YAML', 'application/yaml'],
    ['protobuf', PROTOBUF],
    ['a table', `${JSON_TYPE};as=Table;${META}`],
    ['metadata only', `${JSON_TYPE};as=PartialObjectMetadataList;${META}`],
    ['metadata only, in protobuf', `${PROTOBUF};as=PartialObjectMetadataList;${META}`],
  ])('as %s leaves the event loop to others between its pieces', async (_, accept) => {
    expect((await list(accept)).turns).toBeGreaterThanOrEqual(4);
  });
});
