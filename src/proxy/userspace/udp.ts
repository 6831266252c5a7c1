import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { Clock } from '#base';
import { type Target, targetKey } from '../state/desired.js';
import type { Listener } from './bind.js';
import type { Router } from './router.js';

/** Datagrams that wait while the socket of a new flow connects. */
const WAITING_DATAGRAMS = 64;
/** A flow counts as a stream when it is answered and lasts this long (as the kernel's connection tracking). */
const STREAM_AFTER_MS = 2000;
const SWEEP_MS = 1000;

export interface FlowTimeouts {
  /** Until a flow that is no stream is forgotten; the kernel's default is 30 s. */
  udpMs: number;
  /** Until a stream is; the kernel's default is 120 s. */
  streamMs: number;
}

/** Every UDP flow of a proxy: bounded, forgotten when idle, closed with it. */
export class Flows {
  readonly timeouts: FlowTimeouts;
  readonly #clock: Clock;
  readonly #most: number;
  /** In the order of last use, to a second. */
  readonly #flows = new Set<Flow>();
  #cancelSweep: (() => void) | undefined;
  readonly #onEvicted: () => void;

  /** @param onEvicted a flow was forgotten early because there were too many */
  constructor(clock: Clock, timeouts: FlowTimeouts, most: number, onEvicted: () => void) {
    this.#clock = clock;
    this.timeouts = timeouts;
    this.#most = most;
    this.#onEvicted = onEvicted;
  }

  now(): number {
    return this.#clock.now();
  }

  add(flow: Flow): void {
    for (const oldest of this.#flows) {
      if (this.#flows.size < this.#most) break;
      this.#onEvicted();
      oldest.close();
    }
    this.#flows.add(flow);
    this.#cancelSweep ??= this.#clock.after(SWEEP_MS, () => this.#sweep());
  }

  used(flow: Flow): void {
    this.#flows.delete(flow);
    this.#flows.add(flow);
  }

  remove(flow: Flow): void {
    this.#flows.delete(flow);
  }

  closeAll(): void {
    this.#cancelSweep?.();
    for (const flow of this.#flows) flow.close();
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const flow of this.#flows) if (flow.isIdle(now)) flow.close();
    this.#cancelSweep = this.#flows.size === 0 ? undefined : this.#clock.after(SWEEP_MS, () => this.#sweep());
  }
}

/** Addresses are numeric here: asking a resolver for each datagram would cost more than sending it. */
function numericLookup(host: string, ...rest: unknown[]): void {
  const done = rest.at(-1) as (error: Error | null, address: string, family: number) => void;
  done(null, host, isIPv6(host) ? 6 : 4);
}

function makeSocket(address: string): Socket {
  const type = isIPv6(address) ? 'udp6' : 'udp4';
  return createSocket({ type, ipv6Only: type === 'udp6', lookup: numericLookup as never });
}

/** One client's datagrams to one endpoint, through a socket of its own, so that answers find back. */
class Flow {
  readonly target: Target;
  readonly #all: Flows;
  readonly #socket: Socket;
  readonly #onClose: () => void;
  readonly #began: number;
  #lastUsed: number;
  #isAnswered = false;
  #isClosed = false;
  /** Undefined once connected. */
  #waiting: Buffer[] | undefined = [];

  constructor(target: Target, all: Flows, on: { answer(data: Buffer): void; dead(): void; close(): void }) {
    this.target = target;
    this.#all = all;
    this.#onClose = on.close;
    this.#began = all.now();
    this.#lastUsed = this.#began;
    this.#socket = makeSocket(target.ip);
    this.#socket.on('message', (data) => {
      this.#isAnswered = true;
      this.#touch();
      on.answer(data);
    });
    // Most likely ECONNREFUSED: nobody is there any more, and the next datagram chooses again.
    this.#socket.on('error', () => {
      on.dead();
      this.close();
    });
    this.#socket.connect(target.port, target.ip, () => {
      for (const data of this.#waiting ?? []) this.#transmit(data);
      this.#waiting = undefined;
    });
  }

  send(data: Buffer): void {
    this.#touch();
    if (this.#waiting === undefined) this.#transmit(data);
    else if (this.#waiting.length < WAITING_DATAGRAMS) this.#waiting.push(data);
  }

  isIdle(now: number): boolean {
    const isStream = this.#isAnswered && this.#lastUsed - this.#began > STREAM_AFTER_MS;
    const { udpMs, streamMs } = this.#all.timeouts;
    return now - this.#lastUsed >= (isStream ? streamMs : udpMs);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#all.remove(this);
    this.#socket.close();
    this.#onClose();
  }

  #transmit(data: Buffer): void {
    if (!this.#isClosed) this.#socket.send(data, () => {});
  }

  #touch(): void {
    const now = this.#all.now();
    if (now - this.#lastUsed > SWEEP_MS) this.#all.used(this);
    this.#lastUsed = now;
  }
}

/** Listens for UDP clients and relays each client's datagrams to the endpoint that the router named for it. */
export async function listenUdp(
  address: string,
  port: number,
  router: Router,
  all: Flows,
): Promise<Listener> {
  const socket = makeSocket(address);
  const flows = new Map<string, Flow>();
  socket.on('message', (data, from) => {
    const client = `${from.address} ${from.port}`;
    let flow = flows.get(client);
    if (flow === undefined) {
      const target = router.choose(from.address, new Set());
      // Not admitted, or no endpoint here: dropped, as the policy says.
      if (target === undefined) return;
      flow = new Flow(target, all, {
        answer: (answer) => socket.send(answer, from.port, from.address, () => {}),
        dead: () => router.failed(from.address),
        close: () => flows.delete(client),
      });
      flows.set(client, flow);
      all.add(flow);
      router.connected(target);
    }
    flow.send(data);
  });
  // The address needs no look-up, so that the socket may listen before `bind` returns.
  const listening = once(socket, 'listening');
  socket.bind({ port, address, exclusive: true });
  await listening.catch((error: unknown) => {
    socket.close();
    throw error;
  });
  // Answers to clients that are gone come back as errors; they concern nobody else.
  socket.on('error', () => {});
  const at = socket.address();
  const closeFlows = (isStale: (flow: Flow) => boolean) => {
    for (const flow of [...flows.values()]) if (isStale(flow)) flow.close();
  };
  return {
    address: at.address,
    port: at.port,
    close() {
      closeFlows(() => true);
      socket.close();
    },
    keepOnly: (answerers) => closeFlows(({ target }) => !answerers.has(targetKey(target))),
  };
}
