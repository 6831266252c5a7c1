import { once } from 'node:events';
import { type AddressInfo, connect, createServer, isIPv6, type Socket } from 'node:net';
import { type Target, targetKey } from '../state/desired.js';
import type { Listener } from './bind.js';
import type { Router } from './router.js';

/** How long each endpoint in turn may take to accept (upstream pkg/proxy/userspace EndpointDialTimeouts). */
const DIAL_TIMEOUTS_MS = [250, 500, 1000, 2000];
/** Bytes that may wait in each direction before the sender is held back. */
const BUFFER_BYTES = 65_536;
/** A peer that vanished without a word is noticed by the kernel's probes, which start after this long. */
const KEEP_ALIVE_MS = 60_000;

const socketOptions = { allowHalfOpen: true, noDelay: true, highWaterMark: BUFFER_BYTES };

/** Every client connection of a proxy: bounded, and closed with it. */
export class Connections {
  readonly #clients = new Set<Socket>();
  readonly #most: number;
  readonly #onRefused: () => void;

  /** @param onRefused a connection was reset because there were too many */
  constructor(most: number, onRefused: () => void) {
    this.#most = most;
    this.#onRefused = onRefused;
  }

  /** False when the client was turned away. */
  admit(client: Socket): boolean {
    if (this.#clients.size >= this.#most) {
      this.#onRefused();
      client.resetAndDestroy();
      return false;
    }
    this.#clients.add(client);
    client.once('close', () => this.#clients.delete(client));
    return true;
  }

  closeAll(): void {
    for (const client of this.#clients) client.destroy();
  }
}

/** Listens for TCP clients and relays them to the endpoints that the router names. */
export async function listenTcp(
  address: string,
  port: number,
  router: Router,
  connections: Connections,
): Promise<Listener> {
  const server = createServer(
    { ...socketOptions, pauseOnConnect: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
    (client) => {
      client.on('error', () => {});
      if (connections.admit(client)) void serve(client, router);
    },
  );
  server.listen({ host: address, port, ipv6Only: isIPv6(address) });
  await once(server, 'listening');
  server.on('error', () => {});
  const at = server.address() as AddressInfo;
  return { address: at.address, port: at.port, close: () => void server.close() };
}

async function serve(client: Socket, router: Router): Promise<void> {
  const from = client.remoteAddress;
  const backend = from === undefined ? undefined : await dialAny(client, from, router);
  if (backend === undefined) client.resetAndDestroy();
  else if (client.destroyed) backend.destroy();
  else relay(client, backend);
}

/** Tries one endpoint after another; a dead one costs its client a moment, not the connection. */
async function dialAny(client: Socket, from: string, router: Router): Promise<Socket | undefined> {
  const tried = new Set<string>();
  for (const timeoutMs of DIAL_TIMEOUTS_MS) {
    let target = router.choose(from, tried);
    // Once every endpoint has been tried, they get a second and more patient chance.
    if (target === undefined && tried.size > 0) {
      tried.clear();
      target = router.choose(from, tried);
    }
    if (target === undefined || client.destroyed) return undefined;
    const backend = await dial(target, timeoutMs);
    if (backend !== undefined) {
      router.connected(target);
      return backend;
    }
    tried.add(targetKey(target));
    router.failed(from);
  }
  return undefined;
}

function dial({ ip, port }: Target, timeoutMs: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port, ...socketOptions });
    const timer = setTimeout(() => socket.destroy(), timeoutMs);
    socket.on('error', () => {});
    const failed = () => {
      clearTimeout(timer);
      resolve(undefined);
    };
    socket.once('close', failed);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('close', failed);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      resolve(socket);
    });
  });
}

/** Both directions apart: each ends when its sender does (half-close), and a slow receiver holds back its sender. */
function relay(client: Socket, backend: Socket): void {
  client.pipe(backend);
  backend.pipe(client);
  const join = (one: Socket, other: Socket) => {
    // After an orderly end the other side closes by itself, once what it was sent is delivered.
    one.once('close', (hadError) => {
      const isCutOff = hadError || !one.readableEnded || !one.writableFinished;
      if (isCutOff && !other.destroyed) other.resetAndDestroy();
    });
  };
  join(client, backend);
  join(backend, client);
}
