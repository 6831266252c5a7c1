import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import type { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { TestClient, type TestWatch } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
/** Clients of each protocol that stop reading. */
const STALLED = 8;
/** Together more than the 64 MiB that watchers may lag behind. */
const WRITES = 90;
const BYTES = 1024 * 1024;
let server: TestServer;
let client: TestClient;
const sessions: ClientHttp2Session[] = [];

beforeAll(async () => {
  server = await startServer();
  client = new TestClient(server, server.admin);
});
afterAll(async () => {
  client?.close();
  for (const session of sessions) session.destroy();
  await server?.close();
});

/** Opens a watch of which nothing but the head is read; what it gives reads on and resolves when it is over. */
type Open = (path: string) => Promise<() => Promise<unknown>>;

function unread(stream: Readable): () => Promise<unknown> {
  const closed = new Promise((resolve) => stream.on('error', () => undefined).once('close', resolve));
  return () => {
    stream.resume();
    return closed;
  };
}

const identity = () => ({
  ca: server.ca.certificate,
  cert: server.admin.certificate,
  key: server.admin.key,
});

const overHttp1: Open = async (path) => unread(await client.open('GET', path));

const overHttp2: Open = async (path) => {
  const session = connect(`https://127.0.0.1:${server.port}`, identity());
  sessions.push(session);
  const stream = session.request({ ':path': path });
  await once(stream, 'response');
  return unread(stream);
};

const overWebSocket: Open = async (path) => {
  const socket = new WebSocket(`wss://127.0.0.1:${server.port}${path}`, [], identity());
  const closed = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
  await once(socket, 'open');
  socket.pause();
  return () => {
    socket.resume();
    return closed;
  };
};

/** What a metric says of ConfigMaps. */
async function metric(name: string): Promise<number> {
  const { text } = await client.get('/metrics');
  const lines = text.split('\n').filter((line) => line.startsWith(name) && line.includes('="configmaps"'));
  return Number(lines[0]?.slice(lines[0].lastIndexOf(' ')));
}

/** Memory that the process has, after everything that can go is gone, bytes. */
function memory(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage.rss();
}

/** Writes the same object again and again; what `reader` sees is each of the writes, in time and in order. */
async function writeAndRead(reader: TestWatch): Promise<void> {
  const data = { text: 'x'.repeat(BYTES) };
  for (let i = 0; i < WRITES; i++) {
    const metadata = { name: 'big', labels: { n: `${i}` } };
    const written = await client.put(`${MAPS}/big`, { metadata, data });
    expect(written.status).toBe(200);
    const [event] = await reader.take(1);
    expect(event!.object.metadata).toEqual(written.json.metadata);
  }
}

it('Watchers that stop reading, over HTTP/1.1, HTTP/2 and WebSockets, are cut off while all others go on', async () => {
  const { metadata } = (await client.post(MAPS, { metadata: { name: 'big' } })).json;
  const path = `${MAPS}?watch=true&resourceVersion=${metadata.resourceVersion}`;
  const reader = await client.watch(path);
  const stalled: (() => Promise<unknown>)[] = [];
  for (const open of [overHttp1, overHttp2, overWebSocket]) {
    for (let i = 0; i < STALLED; i++) stalled.push(await open(path));
  }
  const before = memory();
  await writeAndRead(reader);
  // What is kept is history, once: not what each of them has not read.
  expect(memory() - before).toBeLessThan((stalled.length * WRITES * BYTES) / 3);
  expect(await metric('apiserver_terminated_watchers_total')).toBe(stalled.length);
  // The server lets go of their connections, though they still do not read.
  await vi.waitFor(async () => expect(await metric('apiserver_longrunning_requests')).toBe(1), {
    timeout: 30_000,
  });
  await Promise.all(stalled.map((end) => end()));
  reader.close();
});
