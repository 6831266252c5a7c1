import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { core } from '#api';
import { createMetrics, FakeClock, type Metrics, silentLogger } from '#base';
import { FakePrograms } from '#host/testing';
import { TestCluster } from '../testing/cluster.js';
import { desiredOf, testSettings } from '../testing/flows.js';
import { makeService, makeSlice } from '../testing/objects.js';
import { UserspaceProxier } from './proxier.js';

/**
 * Without the right to set routes, on loopback alone. Addresses of this file's Services begin with 172.29, which are
 * mapped to 127.29; endpoints are servers on 127.0.0.1, each by its port.
 */
const VIP = '172.29.7.1';
const MAPPED = '127.29.7.1';

type OnConnection = (socket: Socket, own: string) => void;

class Endpoint {
  readonly accepted: Socket[] = [];
  readonly #server: Server;
  readonly #udp: UdpSocket = createSocket('udp4');
  readonly received: string[] = [];

  private constructor(onConnection: OnConnection) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      this.accepted.push(socket);
      onConnection(socket, String(this.port));
    });
  }

  static async start(onConnection: OnConnection = (socket, own) => void socket.end(own)): Promise<Endpoint> {
    const made = new Endpoint(onConnection);
    made.#server.listen(0, '127.0.0.1');
    await once(made.#server, 'listening');
    made.#udp.on('message', (data, from) => {
      made.received.push(String(data));
      made.#udp.send(String(made.port), from.port, from.address);
    });
    made.#udp.bind(made.port, '127.0.0.1');
    await once(made.#udp, 'listening');
    return made;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.accepted) socket.destroy();
    try {
      this.#udp.close();
    } catch {
      // Closed before.
    }
  }
}

/** A slice per endpoint, since each has a port of its own. */
const slicesOf = (endpoints: readonly Endpoint[]) =>
  endpoints.map(({ port }) =>
    makeSlice(
      'web',
      [{ ip: '127.0.0.1' }],
      [
        { name: 'tcp', port, protocol: 'TCP' },
        { name: 'udp', port, protocol: 'UDP' },
      ],
      String(port),
    ),
  );

const ports = [
  { name: 'tcp', port: 8080, protocol: 'TCP' },
  { name: 'udp', port: 8080, protocol: 'UDP' },
];

describe('UserspaceProxier without rights', () => {
  let clock: FakeClock;
  let metrics: Metrics;
  let proxier: UserspaceProxier;
  let endpoints: Endpoint[];
  let sockets: { destroy(): void }[];

  /** Neither may set routes. */
  function makeProxier(budget?: { connections: number; flows: number }): UserspaceProxier {
    const programs = new FakePrograms();
    programs.onRun = () => ({ code: 2, stderr: 'RTNETLINK answers: Operation not permitted' });
    return new UserspaceProxier({
      family: 'IPv4',
      programs,
      logger: silentLogger,
      clock,
      metrics,
      ...(budget === undefined ? {} : { budget }),
      timeouts: { udpMs: 30_000, streamMs: 120_000 },
      localAddresses: () => ['127.0.0.1'],
    });
  }

  beforeEach(() => {
    clock = new FakeClock();
    metrics = createMetrics();
    proxier = makeProxier();
    endpoints = [];
    sockets = [];
  });

  afterEach(async () => {
    await proxier.stop();
    for (const socket of sockets) socket.destroy();
    for (const endpoint of endpoints) endpoint.stop();
  });

  async function start(onConnection?: OnConnection): Promise<Endpoint> {
    const made = await Endpoint.start(onConnection);
    endpoints.push(made);
    return made;
  }

  async function stateOf(used: readonly Endpoint[], spec: Partial<core.ServiceSpec> = {}) {
    const service = makeService('web', VIP, { ports, ...spec });
    service.metadata.annotations = { 'kubesvc.dev/load-balancing': 'round-robin' };
    const cluster = new TestCluster().add(service, ...slicesOf(used));
    return desiredOf(cluster);
  }

  async function serve(used: readonly Endpoint[], spec: Partial<core.ServiceSpec> = {}): Promise<void> {
    await proxier.resync((await stateOf(used, spec)).owned(), testSettings({ nodeIP: '127.0.0.1' }));
  }

  async function change(used: readonly Endpoint[]): Promise<void> {
    await proxier.apply([{ key: 'ns/web', desired: (await stateOf(used)).get('ns/web') }]);
  }

  function dial(address = MAPPED, port = 8080): Socket {
    const socket = connect({ host: address, port, allowHalfOpen: true });
    sockets.push(socket);
    return socket;
  }

  /** What comes until the other side ends, or the error's code. */
  async function ask(address = MAPPED, port = 8080): Promise<string> {
    const socket = dial(address, port);
    const chunks: Buffer[] = [];
    socket.on('data', (data) => chunks.push(data as Buffer));
    socket.on('end', () => socket.end());
    const error = await new Promise<string | undefined>((resolve) => {
      socket.on('error', (err: NodeJS.ErrnoException) => resolve(err.code));
      socket.on('end', () => resolve(undefined));
    });
    return error ?? Buffer.concat(chunks).toString();
  }

  /** A client with one UDP socket; `ask` resolves with the answer. */
  function udpClient() {
    const socket = createSocket('udp4');
    sockets.push({ destroy: () => socket.close() });
    const ask_ = async (text: string) => {
      const answer = once(socket, 'message');
      socket.send(text, 8080, MAPPED);
      return String(((await answer) as [Buffer])[0]);
    };
    return { socket, ask: ask_ };
  }

  it('maps virtual addresses to loopback and says where', async () => {
    const web = await start();
    await serve([web], { ports: [{ name: 'tcp', port: 8080, protocol: 'TCP' }] });
    expect([...proxier.listeners()]).toEqual([
      {
        service: 'ns/web',
        portName: 'tcp',
        protocol: 'TCP',
        address: VIP,
        port: 8080,
        listenAddress: MAPPED,
        listenPort: 8080,
      },
    ]);
    expect(await ask()).toBe(String(web.port));
  });

  it('goes round evenly by annotation and counts connections per endpoint', async () => {
    const [a, b] = [await start(), await start()];
    await serve([a, b]);
    for (let i = 0; i < 10; i++) await ask();
    const counts = await proxier.connectionCounts('endpoint');
    const byPort = Object.fromEntries(
      counts.map(({ endpoint, connections }) => [endpoint!.port, connections]),
    );
    expect(byPort).toEqual({ [a.port]: 5, [b.port]: 5 });
  });

  it('tries another endpoint when one does not answer', async () => {
    const [a, dead] = [await start(), await start()];
    await serve([a, dead]);
    dead.stop();
    for (let i = 0; i < 4; i++) expect(await ask()).toBe(String(a.port));
  });

  it('resets the client when no endpoint answers', async () => {
    const dead = await start();
    await serve([dead]);
    dead.stop();
    expect(await ask()).toBe('ECONNRESET');
  });

  it('refuses connections while there are no endpoints, and takes them again afterwards', async () => {
    const a = await start();
    await serve([a]);
    await change([]);
    expect(await ask()).toBe('ECONNREFUSED');
    await change([a]);
    expect(await ask()).toBe(String(a.port));
  });

  it('keeps an established connection when its endpoint leaves and when its Service does', async () => {
    const echo = (socket: Socket) => void socket.pipe(socket);
    const a = await start(echo);
    const b = await start();
    await serve([a]);
    const socket = dial();
    const said = async (text: string) => {
      const heard = once(socket, 'data');
      socket.write(text);
      return String(((await heard) as [Buffer])[0]);
    };
    expect(await said('one')).toBe('one');
    await change([b]);
    expect(await said('two')).toBe('two');
    await proxier.apply([{ key: 'ns/web', desired: undefined }]);
    expect(await said('three')).toBe('three');
    expect(await ask()).toBe('ECONNREFUSED');
  });

  it('passes on a half-close: the answer comes after the client has ended its side', async () => {
    const lastWord = (socket: Socket) => {
      let heard = '';
      socket.on('data', (data) => {
        heard += String(data);
      });
      socket.on('end', () => socket.end(`heard ${heard}`));
    };
    await serve([await start(lastWord)]);
    const socket = dial();
    let answer = '';
    socket.on('data', (data) => {
      answer += String(data);
    });
    socket.end('question');
    await once(socket, 'end');
    expect(answer).toBe('heard question');
  });

  it('holds back a sender whose receiver does not read', async () => {
    const a = await start((socket) => void socket.pause());
    await serve([a]);
    const socket = dial();
    await once(socket, 'connect');
    const chunk = Buffer.alloc(1 << 20);
    let written = 0;
    // Sockets of three hops take some megabytes; then `write` does not complete any more.
    const stuck = async () => {
      for (let i = 0; i < 256; i++) {
        const done = new Promise<boolean>((resolve) => socket.write(chunk, () => resolve(true)));
        const quiet = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 500));
        if (!(await Promise.race([done, quiet]))) return true;
        written += chunk.length;
      }
      return false;
    };
    expect(await stuck()).toBe(true);
    const received = new Promise<number>((resolve) => {
      let bytes = 0;
      a.accepted[0]!.on('data', (data) => {
        bytes += (data as Buffer).length;
        if (bytes >= written + chunk.length) resolve(bytes);
      });
    });
    a.accepted[0]!.resume();
    expect(await received).toBe(written + chunk.length);
  });

  it('passes on a reset', async () => {
    const a = await start((socket) => void socket.once('data', () => socket.resetAndDestroy()));
    await serve([a]);
    const socket = dial();
    socket.write('?');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
  });

  it('keeps a UDP client with its endpoint until that leaves, then chooses anew', async () => {
    const [a, b] = [await start(), await start()];
    await serve([a, b]);
    const client = udpClient();
    const first = await client.ask('1');
    for (let i = 0; i < 3; i++) expect(await client.ask('again')).toBe(first);
    const other = String(a.port) === first ? b : a;
    await change([other]);
    expect(await client.ask('2')).toBe(String(other.port));
  });

  it('forgets idle UDP flows, short ones sooner than streams', async () => {
    const [a, b] = [await start(), await start()];
    await serve([a, b]);
    const client = udpClient();
    const first = await client.ask('1');
    clock.advance(31_000);
    const second = await client.ask('2');
    expect(second).not.toBe(first);
    clock.advance(3000);
    expect(await client.ask('still')).toBe(second);
    clock.advance(100_000);
    expect(await client.ask('a stream')).toBe(second);
    clock.advance(121_000);
    expect(await client.ask('3')).toBe(first);
  });

  it('lets a UDP client go on elsewhere when its endpoint refuses', async () => {
    const [a, b] = [await start(), await start()];
    await serve([a, b]);
    const client = udpClient();
    const first = await client.ask('1');
    const [mine, other] = String(a.port) === first ? [a, b] : [b, a];
    mine.stop();
    const answer = once(client.socket, 'message');
    // The first one is lost: its ICMP answer is what tells.
    const repeat = setInterval(() => client.socket.send('?', 8080, MAPPED), 20);
    expect(String(((await answer) as [Buffer])[0])).toBe(String(other.port));
    clearInterval(repeat);
  });

  const metric = async (name: string) =>
    Number(
      new RegExp(`userspace_${name}_total\\{.*\\} (\\d+)`).exec((await metrics.scrape()).body)?.[1] ?? 0,
    );

  it('resets connections above its bound, and takes new ones when others end', async () => {
    proxier = makeProxier({ connections: 1, flows: 1 });
    await serve([await start((socket) => void socket.pipe(socket))]);
    const first = dial();
    first.write('1');
    await once(first, 'data');
    expect(await ask()).toBe('ECONNRESET');
    expect(await metric('refused_connections')).toBe(1);
    first.end();
    const echo = async () => {
      const second = dial();
      second.write('2');
      return once(second, 'data').then(String, (error: NodeJS.ErrnoException) => error.code);
    };
    await expect.poll(echo, { timeout: 15_000 }).toBe('2');
  });

  it('forgets the flow that was used longest ago when there are too many', async () => {
    proxier = makeProxier({ connections: 1, flows: 2 });
    const [a, b] = [await start(), await start()];
    await serve([a, b]);
    const clients = [udpClient(), udpClient(), udpClient()] as const;
    const first = await clients[0].ask('1');
    await clients[1].ask('2');
    clock.advance(1500);
    await clients[0].ask('still there');
    await clients[2].ask('3');
    expect(await metric('evicted_flows')).toBe(1);
    expect(await clients[0].ask('kept')).toBe(first);
  });

  it('frees what it listened on when the Service goes', async () => {
    await serve([await start()]);
    await proxier.apply([{ key: 'ns/web', desired: undefined }]);
    const server = createServer().listen(8080, MAPPED);
    await once(server, 'listening');
    server.close();
    expect([...proxier.listeners()]).toEqual([]);
  });

  it('says which NodePort it cannot have, and takes it when it becomes free', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port: nodePort } = taken.address() as { port: number };
    const web = await start();
    const spec = { type: 'NodePort', ports: [{ name: 'tcp', port: 8080, protocol: 'TCP', nodePort }] };
    const state = await stateOf([web], spec);
    await proxier.resync(state.owned(), testSettings({ nodePortAddresses: ['127.0.0.1'] }));
    const status = () => [...proxier.listeners()].find(({ port }) => port === nodePort);
    expect(status()?.error).toContain('EADDRINUSE');
    taken.close();
    await once(taken, 'close');
    await proxier.resync(state.owned(), testSettings({ nodePortAddresses: ['127.0.0.1'] }));
    expect(status()?.listenPort).toBe(nodePort);
    expect(await ask('127.0.0.1', nodePort)).toBe(String(web.port));
  });
});
