import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { decodeEnvelope, message } from '#api';
import { TestClient } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  server = await startServer();
  client = new TestClient(server, server.admin);
});
afterAll(async () => {
  client?.close();
  await server?.close();
});

const post = async (name: string) => (await client.post(MAPS, { metadata: { name }, data: { a: 'b' } })).json;
const version = async () => (await client.get(MAPS)).json.metadata.resourceVersion as string;

interface SocketOptions {
  protocols?: string[];
  headers?: Record<string, string>;
  /** Without a client certificate. */
  anonymous?: boolean;
}

/** Messages of a WebSocket, in order. */
class Socket {
  readonly socket: WebSocket;
  readonly #messages: { text: string; binary: boolean }[] = [];
  #wake: () => void = () => {};

  constructor(path: string, options: SocketOptions = {}) {
    this.socket = new WebSocket(`wss://127.0.0.1:${server.port}${path}`, options.protocols ?? [], {
      ca: server.ca.certificate,
      ...(options.anonymous === true ? {} : { cert: server.admin.certificate, key: server.admin.key }),
      headers: options.headers ?? {},
    });
    this.socket.on('error', () => {});
    this.socket.on('message', (data: Buffer, binary) => {
      this.#messages.push({ text: data.toString('latin1'), binary });
      this.#wake();
    });
  }

  async next(): Promise<{ text: string; binary: boolean }> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#messages.shift()!;
  }

  /** The status that the upgrade was refused with, and the body. */
  async refused(): Promise<{ status: number | undefined; body: { message: string } }> {
    const [, response] = await once(this.socket, 'unexpected-response');
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode, body: JSON.parse(text) };
  }
}

describe('a watch over a WebSocket', () => {
  it('sends each event as one text message', async () => {
    const watch = new Socket(`${MAPS}?watch=true&resourceVersion=${await version()}`);
    const made = await post('ws1');
    const first = await watch.next();
    expect(first.binary).toBe(false);
    expect(JSON.parse(first.text)).toEqual({ type: 'ADDED', object: made });
    await client.delete(`${MAPS}/ws1`);
    expect(JSON.parse((await watch.next()).text).type).toBe('DELETED');
    watch.socket.close();
  });

  it('takes the first protocol that is offered and is no token', async () => {
    await client.post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'watcher' } });
    await client.post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'watcher' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name: 'watcher', namespace: 'default' }],
    });
    const request = await client.post('/api/v1/namespaces/default/serviceaccounts/watcher/token', {
      spec: {},
    });
    const token = Buffer.from(request.json.status.token).toString('base64url');
    const protocols = [`base64url.bearer.authorization.k8s.io.${token}`, 'one', 'two'];
    const watch = new Socket('/api/v1/watch/namespaces/default/configmaps', { protocols, anonymous: true });
    await once(watch.socket, 'open');
    expect(watch.socket.protocol).toBe('one');
    watch.socket.close();
  });

  it('ends after its timeout with a closing handshake', async () => {
    const watch = new Socket(`${MAPS}?watch=true&resourceVersion=${await version()}&timeoutSeconds=1`);
    const [code] = await once(watch.socket, 'close');
    expect(code).toBe(1000);
  });

  it('drops what the client says, and the client when it says too much', async () => {
    const watch = new Socket(`${MAPS}?watch=true&resourceVersion=${await version()}`);
    await once(watch.socket, 'open');
    watch.socket.send('hello');
    await post('ws2');
    expect(JSON.parse((await watch.next()).text).object.metadata.name).toBe('ws2');
    watch.socket.send(Buffer.alloc(1 << 20));
    await once(watch.socket, 'close');
  });

  it('sends binary messages to those who accept protobuf only', async () => {
    const watch = new Socket(`${MAPS}?watch=true&resourceVersion=${await version()}`, {
      headers: { accept: PROTOBUF },
    });
    await post('ws3');
    expect((await watch.next()).binary).toBe(true);
    watch.socket.close();
  });

  it.each([
    [`${MAPS}?watch=true&fieldSelector=nope=1`, 400, /is not a known field selector/],
    ['/apis/authorization.k8s.io/v1/subjectaccessreviews?watch=true', 405, /does not allow this method/],
    ['/api/v1/nosuch?watch=true', 404, /could not find/],
  ])('is refused as any watch: %s', async (path, status, text) => {
    const refused = await new Socket(path).refused();
    expect(refused.status).toBe(status);
    expect(refused.body.message).toMatch(text);
  });
});

/** Frames of a protobuf watch: type and object. */
async function frames(
  body: AsyncIterable<Buffer>,
  count: number,
): Promise<{ type: string; object: Record<string, unknown> }[]> {
  const found: { type: string; object: Record<string, unknown> }[] = [];
  let rest = Buffer.alloc(0);
  for await (const chunk of body) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      found.push(event(rest.subarray(4, 4 + rest.readUInt32BE(0))));
      rest = rest.subarray(4 + rest.readUInt32BE(0));
    }
    if (found.length >= count) break;
  }
  return found;
}

/** `type` and `object.raw` of meta.v1.WatchEvent, by hand. */
function event(bytes: Buffer): { type: string; object: Record<string, unknown> } {
  expect(bytes[0]).toBe(0x0a);
  const type = bytes.subarray(2, 2 + bytes[1]!).toString();
  const raw = bytes.subarray(bytes.indexOf('k8s\0'));
  const envelope = decodeEnvelope(raw);
  const schema = envelope.kind === 'ConfigMap' ? 'core.v1.ConfigMap' : `meta.v1.${envelope.kind}`;
  return { type, object: { kind: envelope.kind, ...envelope.decode(message(schema)) } };
}

describe('a watch in protobuf', () => {
  it('frames events by their length, bookmarks included', async () => {
    const query =
      'watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
    const made = await post('proto');
    const response = await client.open('GET', `${MAPS}?${query}&fieldSelector=metadata.name=proto`, {
      headers: { accept: PROTOBUF },
    });
    expect(response.headers['content-type']).toBe(`${PROTOBUF};stream=watch`);
    const [added, bookmark] = await frames(response, 2);
    expect(added!.type).toBe('ADDED');
    expect(added!.object).toMatchObject({ kind: 'ConfigMap', metadata: made.metadata, data: { a: 'b' } });
    expect(bookmark!.type).toBe('BOOKMARK');
    expect(bookmark!.object['metadata']).toMatchObject({
      annotations: { 'k8s.io/initial-events-end': 'true' },
    });
    response.destroy();
  });

  it('cuts objects, events and bookmarks down to metadata for those who like protobuf best, as garbage collectors do', async () => {
    const as = (type: string) => `${type};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
    const accept = `${as(PROTOBUF)},${as('application/json')},application/json`;
    const { metadata } = await post('cut');
    const one = await client.open('GET', `${MAPS}/cut`, { headers: { accept } });
    expect(one.headers['content-type']).toBe(PROTOBUF);
    const envelope = decodeEnvelope(Buffer.concat(await one.toArray()));
    expect(envelope).toMatchObject({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' });
    expect(envelope.decode(message('meta.v1.PartialObjectMetadata'))).toEqual({ metadata });
    const query =
      'watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
    const path = `${MAPS}?${query}&fieldSelector=metadata.name=cut`;
    const watch = await client.open('GET', path, { headers: { accept } });
    expect(watch.headers['content-type']).toBe(`${PROTOBUF};stream=watch`);
    const [added, bookmark] = await frames(watch, 2);
    expect(added).toEqual({ type: 'ADDED', object: { kind: 'PartialObjectMetadata', metadata } });
    expect(bookmark).toMatchObject({
      type: 'BOOKMARK',
      object: {
        kind: 'PartialObjectMetadata',
        metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } },
      },
    });
    watch.destroy();
  });

  it('says that a version is too old in a Status of the same form', async () => {
    await server.store.compact(await server.store.revision());
    const second = await startServer({}, { store: server.store, keepStore: true });
    const late = new TestClient(second, second.admin);
    try {
      const path = `${MAPS}?watch=true&resourceVersion=1`;
      const response = await late.open('GET', path, { headers: { accept: PROTOBUF } });
      const [error] = await frames(response, 1);
      expect(error).toMatchObject({
        type: 'ERROR',
        object: { kind: 'Status', code: 410, reason: 'Expired' },
      });
    } finally {
      late.close();
      await second.close();
    }
  });

  it('is JSON for those who accept that, too', async () => {
    const watch = await client.watch(`${MAPS}?watch=true`, { accept: `${PROTOBUF},application/json` });
    expect(watch.response.headers['content-type']).toBe('application/json');
    watch.close();
  });
});

describe('the legacy /watch/ prefix', () => {
  it.each([
    '/api/v1/watch/configmaps',
    '/api/v1/watch/namespaces/default/configmaps',
    '/api/v1/watch/namespaces/default/configmaps/legacy',
  ])('watches %s', async (path) => {
    const watch = await client.watch(`${path}?resourceVersion=${await version()}`);
    await post('legacy');
    await client.delete(`${MAPS}/legacy`);
    const events = await watch.take(2);
    expect(events.map((e) => `${e.type} ${e.object.metadata.name}`)).toEqual([
      'ADDED legacy',
      'DELETED legacy',
    ]);
    watch.close();
  });

  it('watches one object of a kind without namespaces', async () => {
    const watch = await client.watch('/api/v1/watch/namespaces/default');
    expect((await watch.take(1))[0]!.object).toMatchObject({
      kind: 'Namespace',
      metadata: { name: 'default' },
    });
    watch.close();
  });

  it('sees no other object than the one that it names', async () => {
    const watch = await client.watch(`/api/v1/watch/namespaces/default/configmaps/only?timeoutSeconds=1`);
    await post('other');
    expect(await watch.rest()).toEqual([]);
  });
});
