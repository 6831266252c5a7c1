import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, PassThrough } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import type { core } from '#api';
import {
  createAuthority,
  createMetrics,
  issueCertificate,
  type KeyPair,
  silentLogger,
  systemClock,
} from '#base';
import { LogStore } from '../logs/log-store.js';
import { AttachHub } from '../pods/attach-hub.js';
import type { ContainerUnit } from '../pods/container-unit.js';
import type { PodManager } from '../pods/pod-manager.js';
import type { PodWorker } from '../pods/pod-worker.js';
import { FakeRuntime } from '../testing/fake-runtime.js';
import { SpdyClient } from '../testing/spdy-client.js';
import { openTunnel } from '../testing/tunnel-client.js';
import { createNodeServer } from './node-server.js';

let ca: KeyPair;
let admin: KeyPair;
let stranger: KeyPair;
let directory: string;
let runtime: FakeRuntime;
let stop: () => Promise<void>;
let hub: AttachHub;
const port = 20_250 + (process.pid % 1000);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'kubesvc-server-'));
  writeFileSync(join(directory, 'syslog'), 'a line\n');
  ca = await createAuthority('ca');
  const [server, one, other] = await Promise.all([
    issueCertificate(ca, { commonName: 'node', ipAddresses: ['127.0.0.1'], usages: ['server'] }),
    issueCertificate(ca, { commonName: 'admin', organizations: ['system:masters'], usages: ['client'] }),
    issueCertificate(ca, { commonName: 'nobody', usages: ['client'] }),
  ]);
  [admin, stranger] = [one, other];
  runtime = new FakeRuntime(directory, () => Date.now());
  const sandbox = await runtime.createSandbox({} as Parameters<FakeRuntime['createSandbox']>[0]);
  const container = await runtime.startContainer(sandbox, {} as Parameters<FakeRuntime['startContainer']>[1]);
  hub = new AttachHub(container);
  const logs = new LogStore({
    directory,
    maxBytes: 1e6,
    maxFiles: 2,
    now: () => Date.now(),
    logger: silentLogger,
  });
  const writer = logs.writer({ namespace: 'ns', name: 'web', uid: 'u1' }, 'main', 0);
  const output = new PassThrough();
  const written = writer.consume(output, 'stdout');
  output.end('first\nsecond\n');
  await written;
  await writer.close();
  const view = { state: { kind: 'running', container }, last: undefined, restartCount: 0 };
  const unit = { name: 'main', spec: { name: 'main' }, container, hub, view } as unknown as ContainerUnit;
  const waiting = {
    name: 'slow',
    spec: { name: 'slow' },
    view: { state: { kind: 'waiting', reason: 'ContainerCreating' } },
  } as unknown as ContainerUnit;
  const pod: core.Pod = { metadata: { namespace: 'ns', name: 'web', uid: 'u1' } };
  const worker = {
    uid: 'u1',
    pod,
    units: { all: [], get: (name: string) => ({ main: unit, slow: waiting })[name] },
    environment: { sandbox },
    view: () => ({
      containers: [],
      podIPs: [],
      hostIPs: [],
      sandboxReady: true,
      startTime: 0,
      failure: undefined,
      ending: false,
    }),
  } as unknown as PodWorker;
  const manager = {
    workers: [worker],
    find: (namespace: string, name: string, uid?: string) =>
      namespace === 'ns' && name === 'web' && (uid ?? 'u1') === 'u1' ? worker : undefined,
  } as unknown as PodManager;
  const made = createNodeServer({
    options: {
      port,
      address: '127.0.0.1',
      certificate: server.certificate,
      key: server.key,
      clientCa: ca.certificate,
    },
    nodeName: 'node-1',
    manager,
    runtime,
    logs,
    logger: silentLogger,
    metrics: createMetrics(),
    clock: systemClock,
    logDirectory: directory,
  });
  await made.start();
  stop = () => made.stop();
});
afterAll(async () => {
  await stop();
  rmSync(directory, { recursive: true, force: true });
});

function get(
  path: string,
  identity: KeyPair | undefined = admin,
  method = 'GET',
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        ca: ca.certificate,
        cert: identity?.certificate,
        key: identity?.key,
        agent: false,
      },
      (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode!, body }));
      },
    );
    request.on('error', reject).end();
  });
}

describe('access', () => {
  it('needs a certificate of the authority, and one of those that may', async () => {
    const identityless = { certificate: '', key: '' };
    expect((await get('/pods', identityless)).status).toBe(401);
    expect(await get('/pods', stranger)).toEqual({
      status: 403,
      body: 'Forbidden (user=nobody, verb=get, resource=nodes, subresource(s)=[pods])',
    });
    expect(await get('/healthz')).toEqual({ status: 200, body: 'ok' });
  });
});

describe('reads', () => {
  it('serve logs with their options', async () => {
    expect(await get('/containerLogs/ns/web/main')).toEqual({ status: 200, body: 'first\nsecond\n' });
    expect((await get('/containerLogs/ns/web/main?tailLines=1')).body).toBe('second\n');
    expect((await get('/containerLogs/ns/web/main?tailLines=-1')).status).toBe(422);
  });
  it.each([
    ['/containerLogs/ns/none/main', 404, 'pod "none_ns" does not exist'],
    ['/containerLogs/ns/web/none', 404, 'container "none" not found in pod "web_ns"'],
    [
      '/containerLogs/ns/web/slow',
      400,
      'container "slow" in pod "web" is waiting to start: ContainerCreating',
    ],
    [
      '/containerLogs/ns/web/main?previous=true',
      400,
      'previous terminated container "main" in pod "web" not found',
    ],
    ['/exec/ns/web/main?command=x', 400, 'Upgrade request required'],
    ['/nothing', 404, '404 page not found'],
  ])('answer %s with %d', async (path, status, body) => expect(await get(path)).toEqual({ status, body }));

  it('serve pods, statistics and metrics', async () => {
    expect(JSON.parse((await get('/pods')).body)).toMatchObject({
      kind: 'PodList',
      items: [{ metadata: { name: 'web' } }],
    });
    expect(JSON.parse((await get('/stats/summary')).body)).toMatchObject({ node: { nodeName: 'node-1' } });
    expect((await get('/metrics')).status).toBe(200);
  });
  it('serve files below the log directory only', async () => {
    expect(await get('/logs/syslog')).toEqual({ status: 200, body: 'a line\n' });
    expect((await get('/logs/')).body).toContain('<a href="syslog">syslog</a>');
    expect((await get('/logs/..%2f..%2fetc/passwd')).status).toBe(404);
  });
  it('run a command with its output as the answer', async () => {
    runtime.execExit = 0;
    expect((await get('/run/ns/web/main?cmd=ls%20-l', admin, 'POST')).status).toBe(200);
    expect(runtime.execs.at(-1)?.command).toEqual(['ls', '-l']);
  });
});

function open(
  path: string,
  protocols: string[],
): Promise<{ socket: WebSocket; messages: Buffer[]; closed: Promise<number> }> {
  const socket = new WebSocket(`wss://127.0.0.1:${port}${path}`, protocols, {
    ca: ca.certificate,
    cert: admin.certificate,
    key: admin.key,
  });
  const messages: Buffer[] = [];
  socket.on('message', (data: Buffer) => messages.push(data));
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve({ socket, messages, closed }));
    socket.once('error', reject);
  });
}
const channel = (messages: Buffer[], n: number) =>
  Buffer.concat(messages.filter((m) => m[0] === n).map((m) => m.subarray(1))).toString();

describe('exec over WebSocket', () => {
  it('carries input, output and the exit code, and ends input by the close channel', async () => {
    runtime.execExit = 3;
    const { socket, messages, closed } = await open(
      '/exec/ns/web/main?command=cat&input=1&output=1&error=1',
      ['v5.channel.k8s.io'],
    );
    expect(socket.protocol).toBe('v5.channel.k8s.io');
    socket.send(Buffer.from([0, ...Buffer.from('hello')]));
    socket.send(Buffer.from([255, 0]));
    expect(await closed).toBe(1000);
    expect(channel(messages, 1)).toBe('hello');
    expect(JSON.parse(channel(messages, 3))).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    });
    runtime.execExit = 0;
  });

  it('reports success, and passes sizes of the terminal on', async () => {
    const { socket, messages, closed } = await open(
      '/exec/ns/web/main?command=sh&stdin=true&stdout=true&tty=true',
      ['v4.channel.k8s.io'],
    );
    socket.send(Buffer.from([4, ...Buffer.from('{"Width":80,"Height":24}')]));
    while (runtime.sizes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(runtime.sizes).toEqual([[80, 24]]);
    const killed = runtime.killed;
    socket.close();
    await closed;
    while (runtime.killed === killed) await new Promise((resolve) => setImmediate(resolve));
    expect(messages[0]).toEqual(Buffer.from([1]));
  });

  it('refuses what it cannot do before it upgrades', async () => {
    await expect(open('/exec/ns/web/main?command=x&output=1', ['v9.channel.k8s.io'])).rejects.toThrow('400');
    await expect(open('/exec/ns/web/main?output=1', ['v5.channel.k8s.io'])).rejects.toThrow('400');
    await expect(open('/exec/ns/web/main?command=x', ['v5.channel.k8s.io'])).rejects.toThrow('400');
    await expect(open('/exec/ns/none/main?command=x&output=1', ['v5.channel.k8s.io'])).rejects.toThrow('404');
    await expect(open('/exec/ns/web/slow?command=x&output=1', ['v5.channel.k8s.io'])).rejects.toThrow('500');
  });
});

describe('attach over WebSocket', () => {
  it('shows output from now on and writes input', async () => {
    const { socket, messages, closed } = await open('/attach/ns/web/main?input=1&output=1&error=1', [
      'v5.channel.k8s.io',
    ]);
    while (messages.length === 0) await new Promise((resolve) => setImmediate(resolve));
    hub.emitOutput('stdout', Buffer.from('news'));
    hub.emitOutput('stderr', Buffer.from('bad news'));
    socket.send(Buffer.from([0, ...Buffer.from('typed')]));
    while (channel(messages, 2) === '') await new Promise((resolve) => setImmediate(resolve));
    expect([channel(messages, 1), channel(messages, 2)]).toEqual(['news', 'bad news']);
    const stdin = runtime.containers[0]!.stdin;
    while (stdin.readableLength === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(String(stdin.read())).toBe('typed');
    socket.close();
    await closed;
  });
});

const connectTls = () =>
  tlsConnect({ host: '127.0.0.1', port, ca: ca.certificate, cert: admin.certificate, key: admin.key });

/** Upgrades to SPDY by hand; resolves with the socket behind the answer's head. */
function spdy(path: string, protocol: string): Promise<Duplex> {
  const socket = connectTls();
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: node\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  );
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('data', (head: Buffer) => {
      if (!head.toString().startsWith('HTTP/1.1 101')) return reject(new Error(head.toString()));
      expect(head.toString()).toContain(`X-Stream-Protocol-Version: ${protocol}`);
      resolve(socket);
    });
  });
}

describe('SPDY', () => {
  it('carries exec on a stream per channel', async () => {
    const client = new SpdyClient(
      await spdy('/exec/ns/web/main?command=cat&input=1&output=1', 'v4.channel.k8s.io'),
    );
    const [error, stdin, stdout] = [
      await client.open({ streamtype: 'error' }),
      await client.open({ streamtype: 'stdin' }),
      await client.open({ streamtype: 'stdout' }),
    ];
    client.send(stdin, 'over spdy', true);
    expect(await client.all(stdout)).toBe('over spdy');
    expect(JSON.parse(await client.all(error))).toEqual({ metadata: {}, status: 'Success' });
    client.close();
  });

  async function forward(
    client: SpdyClient,
    requestid: string,
    to: string,
  ): Promise<{ data: number; error: number }> {
    const error = await client.open({ streamtype: 'error', port: to, requestid });
    const data = await client.open({ streamtype: 'data', port: to, requestid });
    return { data, error };
  }

  it('forwards ports with half-closing, and says when nobody listens', async () => {
    const client = new SpdyClient(await spdy('/portForward/ns/web', 'portforward.k8s.io'));
    const good = await forward(client, '0', '80');
    client.send(good.data, 'hello', true);
    expect(await client.all(good.data)).toBe('HELLO');
    expect(await client.all(good.error)).toBe('');
    const bad = await forward(client, '1', '1');
    expect(await client.all(bad.error)).toBe(
      'an error occurred forwarding 1 -> 1: error forwarding port 1 to pod web, uid u1: connect ECONNREFUSED 127.0.0.1:1',
    );
    client.close();
  });

  it('forwards ports through a WebSocket tunnel', async () => {
    const socket = connectTls();
    const tunnel = await openTunnel(socket, '/portForward/ns/web', 'SPDY/3.1+portforward.k8s.io');
    const client = new SpdyClient(tunnel);
    const pair = await forward(client, '7', '8080');
    client.send(pair.data, 'tunnel', true);
    expect(await client.all(pair.data)).toBe('TUNNEL');
    client.close();
  });

  it('forwards ports over channels, each with its port first and one for its errors', async () => {
    const { socket, messages } = await open('/portForward/ns/web?port=80&port=1', ['v4.channel.k8s.io']);
    socket.send(Buffer.concat([Buffer.from([0]), Buffer.from('hello')]));
    const channel = (number: number) =>
      Buffer.concat(messages.filter(([of]) => of === number).map((message) => message.subarray(1)));
    await vi.waitFor(() => expect(channel(0).toString('latin1')).toBe('\x50\x00HELLO'));
    expect([channel(1), channel(2)]).toEqual([Buffer.from([80, 0]), Buffer.from([1, 0])]);
    expect(channel(3).subarray(2).toString()).toBe(
      'error forwarding port 1 to pod web, uid u1: connect ECONNREFUSED 127.0.0.1:1',
    );
    socket.close();
    await expect(open('/portForward/ns/web', ['v4.channel.k8s.io'])).rejects.toThrow('400');
  });

  it('refuses protocols that it does not know', async () => {
    await expect(spdy('/portForward/ns/web', 'v9.portforward')).rejects.toThrow('400 Bad Request');
  });
});
