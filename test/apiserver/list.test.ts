import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeEnvelope, message } from '#api';
import { TestClient } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const COUNT = 25;
let server: TestServer;
let client: TestClient;

interface Named {
  metadata: { name: string; resourceVersion: string };
}
const names = (json: { items: Named[] }): string[] => json.items.map((item) => item.metadata.name);

beforeAll(async () => {
  server = await startServer();
  client = new TestClient(server, server.admin);
  for (let i = 0; i < COUNT; i++) {
    const labels = { parity: i % 2 === 0 ? 'even' : 'odd' };
    await client.post(MAPS, {
      metadata: { name: `m${String(i).padStart(2, '0')}`, labels },
      data: { i: String(i) },
    });
  }
});
afterAll(async () => {
  client?.close();
  await server?.close();
});

describe('LIST', () => {
  it('answers all objects in key order with the list kind and a resourceVersion', async () => {
    const { json } = await client.get(MAPS);
    expect(json).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' });
    expect(names(json)).toHaveLength(COUNT);
    expect(names(json)).toEqual([...names(json)].sort());
    expect(json.metadata.resourceVersion).toMatch(/^[1-9]\d*$/);
  });

  it('lists across namespaces without a namespace in the path', async () => {
    await client.post('/api/v1/namespaces/kube-system/configmaps', { metadata: { name: 'elsewhere' } });
    expect(names((await client.get('/api/v1/configmaps')).json)).toContain('elsewhere');
    expect(names((await client.get(MAPS)).json)).not.toContain('elsewhere');
  });

  it('pages through one consistent state however much is written meanwhile', async () => {
    const seen: string[] = [];
    let token = '';
    let version: string | undefined;
    for (let page = 0; ; page++) {
      const { json } = await client.get(`${MAPS}?limit=10&continue=${encodeURIComponent(token)}`);
      version ??= json.metadata.resourceVersion;
      expect(json.metadata.resourceVersion).toBe(version);
      seen.push(...names(json));
      if (page === 0) {
        expect(json.metadata.remainingItemCount).toBe(COUNT - 10);
        await client.post(MAPS, { metadata: { name: 'm99' } });
        await client.delete(`${MAPS}/m20`);
      }
      token = json.metadata.continue ?? '';
      if (token === '') break;
    }
    expect(seen).toHaveLength(COUNT);
    expect(seen).toContain('m20');
    expect(seen).not.toContain('m99');
    await client.delete(`${MAPS}/m99`);
    await client.post(MAPS, { metadata: { name: 'm20', labels: { parity: 'even' } } });
  });

  it('selects by labels and fields and leaves remainingItemCount out', async () => {
    const odd = (await client.get(`${MAPS}?labelSelector=${encodeURIComponent('parity in (odd)')}&limit=3`))
      .json;
    expect(names(odd)).toEqual(['m01', 'm03', 'm05']);
    expect(odd.metadata.continue).toBeDefined();
    expect(odd.metadata.remainingItemCount).toBeUndefined();
    expect(names((await client.get(`${MAPS}?fieldSelector=metadata.name=m07`)).json)).toEqual(['m07']);
    expect(names((await client.get(`${MAPS}?labelSelector=!parity`)).json)).toEqual([]);
  });

  it.each([
    ['an unknown field', 'fieldSelector=spec.x=y', /spec\.x/],
    ['a malformed label selector', 'labelSelector=a in b', /found|expected|unable to parse/],
    ['a malformed resourceVersion', 'resourceVersion=abc', /Invalid value: "abc"/],
    ['a malformed continue token', 'continue=%25%25', /continue key is not valid/],
    ['a malformed limit', 'limit=ten', /limit/],
    [
      'a resourceVersion besides a continue token',
      'continue=e30&resourceVersion=5',
      /specifying resource version/,
    ],
  ])('answers 400 for %s', async (_what, query, message) => {
    const { json } = await client.get(`${MAPS}?${query.replaceAll(' ', '%20')}`);
    expect(json).toMatchObject({ code: 400, reason: 'BadRequest' });
    expect(json.message).toMatch(message);
  });

  it.each([
    ['resourceVersionMatch=Exact', 'unless resourceVersion is provided'],
    ['resourceVersionMatch=Sometimes&resourceVersion=1', 'supported values'],
    ['resourceVersionMatch=Exact&resourceVersion=0', 'forbidden for resourceVersion "0"'],
    ['sendInitialEvents=true', 'sendInitialEvents is forbidden for list'],
  ])('answers 422 for %s', async (query, message) => {
    const { json } = await client.get(`${MAPS}?${query}`);
    expect(json).toMatchObject({ code: 422, reason: 'Invalid', details: { kind: 'ListOptions' } });
    expect(json.message).toContain(message);
  });

  it('reads a past state exactly, and any or a newer state otherwise', async () => {
    const before = (await client.get(MAPS)).json.metadata.resourceVersion;
    await client.post(MAPS, { metadata: { name: 'm98' } });
    const exact = (await client.get(`${MAPS}?resourceVersion=${before}&resourceVersionMatch=Exact`)).json;
    expect(exact.metadata.resourceVersion).toBe(before);
    expect(names(exact)).not.toContain('m98');
    const newer = (await client.get(`${MAPS}?resourceVersion=${before}&resourceVersionMatch=NotOlderThan`))
      .json;
    expect(Number(newer.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(before));
    expect((await client.get(`${MAPS}?resourceVersion=0`)).status).toBe(200);
    await client.delete(`${MAPS}/m98`);
  });

  it('answers 504 with a retry hint for a version that is far ahead', async () => {
    const { status, json, headers } = await client.get(`${MAPS}?resourceVersion=99999999`);
    expect(status).toBe(504);
    expect(json.details.causes[0].reason).toBe('ResourceVersionTooLarge');
    expect(json.details.retryAfterSeconds).toBe(1);
    expect(headers['retry-after']).toBe('1');
  });

  it('answers 400 for a version that is no number, and takes every one that upstream takes', async () => {
    const bad = await client.get(`${MAPS}?resourceVersion=x`);
    expect([bad.status, bad.json.message]).toEqual([
      400,
      'invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
    ]);
    const far = await client.get(`${MAPS}?resourceVersion=9007199254740993`);
    expect([far.status, far.json.reason]).toEqual([504, 'Timeout']);
  });

  it('answers 410 with a fresh inconsistent token when the continue token has expired', async () => {
    const first = (await client.get(`${MAPS}?limit=5`)).json;
    await client.patch(`${MAPS}/m00`, 'merge', { data: { touched: 'yes' } });
    await server.store.compact(await server.store.revision());
    const gone = await client.get(`${MAPS}?limit=5&continue=${first.metadata.continue}`);
    expect(gone.status).toBe(410);
    expect(gone.json.reason).toBe('Expired');
    const next = await client.get(`${MAPS}?limit=5&continue=${gone.json.metadata.continue}`);
    expect(next.status).toBe(200);
    expect(names(next.json)[0]).toBe('m05');
  });
});

describe('other forms', () => {
  const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
  const PARTIAL = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json';

  it('prints lists and single objects as tables', async () => {
    const list = await client.get(`${MAPS}?limit=2`, { accept: TABLE });
    expect(list.headers['content-type']).toBe('application/json');
    expect(list.json).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
    expect(list.json.columnDefinitions.map((c: { name: string }) => c.name)).toEqual(['Name', 'Data', 'Age']);
    expect(list.json.rows).toHaveLength(2);
    expect(list.json.rows[0].cells.slice(0, 2)).toEqual(['m00', 2]);
    expect(list.json.rows[0].object.kind).toBe('PartialObjectMetadata');
    expect(list.json.metadata.continue).toBeDefined();
    const one = await client.get(`${MAPS}/m01?includeObject=Object`, { accept: TABLE });
    expect(one.json.rows).toHaveLength(1);
    expect(one.json.rows[0].object.data).toEqual({ i: '1' });
    expect((await client.get(`${MAPS}?includeObject=Some`, { accept: TABLE })).status).toBe(400);
  });

  it('cuts objects down to their metadata', async () => {
    const { json } = await client.get(`${MAPS}?limit=1`, { accept: PARTIAL });
    expect(json.kind).toBe('PartialObjectMetadataList');
    expect(Object.keys(json.items[0]).sort()).toEqual(['apiVersion', 'kind', 'metadata']);
  });

  it('prefers JSON, writes YAML on request, and refuses what it cannot write', async () => {
    const both = await client.get(MAPS, { accept: 'application/vnd.kubernetes.protobuf,application/json' });
    expect(both.headers['content-type']).toBe('application/json');
    const yaml = await client.get(`${MAPS}/m01`, { accept: 'application/yaml' });
    expect(yaml.headers['content-type']).toBe('application/yaml');
    expect(yaml.text).toContain('kind: ConfigMap');
    const image = await client.get(MAPS, { accept: 'image/png' });
    expect(image.status).toBe(406);
    expect(image.json.reason).toBe('NotAcceptable');
  });

  it.each([
    ['an object', `${MAPS}/m01`, 'ConfigMap'],
    ['a list', `${MAPS}?limit=2`, 'ConfigMapList'],
  ])('answers %s in protobuf to clients that take nothing else', async (_what, path, kind) => {
    const headers = { accept: 'application/vnd.kubernetes.protobuf' };
    const response = await client.open('GET', path, { headers });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    expect(response.headers['content-type']).toBe('application/vnd.kubernetes.protobuf');
    const envelope = decodeEnvelope(Buffer.concat(chunks));
    expect(envelope).toMatchObject({ apiVersion: 'v1', kind });
    const decoded = envelope.decode(message(`core.v1.${kind}`));
    if (kind === 'ConfigMap') expect(decoded).toMatchObject({ metadata: { name: 'm01' }, data: { i: '1' } });
    else expect((decoded as { items: unknown[] }).items).toHaveLength(2);
  });

  it('compresses large answers for those who ask', async () => {
    const blob = 'x'.repeat(200_000);
    await client.post(MAPS, { metadata: { name: 'large', labels: { size: 'large' } }, data: { blob } });
    const path = `${MAPS}?labelSelector=size=large`;
    for (const url of [path, `${MAPS}/large`]) {
      const response = await client.open('GET', url, { headers: { 'accept-encoding': 'gzip' } });
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      expect(response.headers['content-encoding']).toBe('gzip');
      expect(response.headers['vary']).toContain('Accept-Encoding');
      expect(gunzipSync(Buffer.concat(chunks)).toString('utf8')).toContain(blob);
    }
    const small = await client.get(`${MAPS}/m01`, { 'accept-encoding': 'gzip' });
    expect(small.headers['content-encoding']).toBeUndefined();
  });
});
