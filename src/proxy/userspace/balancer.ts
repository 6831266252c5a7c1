import { createHash } from 'node:crypto';
import type { Clock } from '#base';
import { type Target, targetKey } from '../state/desired.js';
import type { ServicePort } from '../state/service-port.js';

/** Which of a port's lists a client may use; each has its own round. */
export type ListName = 'cluster' | 'local';

interface Affinity {
  target: string;
  expires: number;
}

/** As many clients as an affinity set of the nftables mode holds. Above, the client that came longest ago is forgotten. */
const MAX_CLIENTS = 1_048_576;

function hash(text: string): number {
  return createHash('md5').update(text).digest().readUInt32LE();
}

/**
 * Chooses endpoints for one service port, by its algorithm and affinity. It lives as long as the port, so that
 * changes of endpoints neither restart a round nor lose clients. Affinity is per port over all its addresses, as
 * upstream's, and its timeout starts anew with every connection.
 */
export class Balancer {
  readonly #clock: Clock;
  readonly #rounds = { cluster: 0, local: 0 };
  /** In the order of last use. */
  readonly #clients = new Map<string, Affinity>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The endpoint for a new connection of this client; undefined when every share has been tried.
   *
   * @param shares an endpoint once per weight
   * @param tried endpoints (`targetKey`) that did not answer this client just now
   */
  choose(
    port: ServicePort,
    list: ListName,
    shares: readonly Target[],
    client: string,
    tried: ReadonlySet<string>,
  ): Target | undefined {
    const left = tried.size === 0 ? shares : shares.filter((target) => !tried.has(targetKey(target)));
    if (left.length === 0) return undefined;
    const seconds = port.affinitySeconds;
    if (seconds === undefined) {
      this.#clients.clear();
      return this.#pick(port, list, left, client);
    }
    const now = this.#clock.now();
    const known = this.#clients.get(client);
    const pinned =
      known === undefined || known.expires <= now
        ? undefined
        : left.find((target) => targetKey(target) === known.target);
    const target = pinned ?? this.#pick(port, list, left, client);
    this.#remember(client, { target: targetKey(target), expires: now + seconds * 1000 }, now);
    return target;
  }

  /** The client's endpoint did not answer: its next choice is free. */
  forget(client: string): void {
    this.#clients.delete(client);
  }

  get clients(): number {
    return this.#clients.size;
  }

  #pick(port: ServicePort, list: ListName, shares: readonly Target[], client: string): Target {
    if (port.algorithm === 'round-robin') return shares[this.#rounds[list]++ % shares.length]!;
    if (port.algorithm === 'source-hash') return highest(shares, client);
    return shares[Math.floor(Math.random() * shares.length)]!;
  }

  #remember(client: string, affinity: Affinity, now: number): void {
    this.#clients.delete(client);
    this.#clients.set(client, affinity);
    for (const [oldest, { expires }] of this.#clients) {
      if (expires > now && this.#clients.size <= MAX_CLIENTS) break;
      this.#clients.delete(oldest);
    }
  }
}

/** Rendezvous hashing: when an endpoint leaves, only its own clients move. */
function highest(shares: readonly Target[], client: string): Target {
  const copies = new Map<string, number>();
  let best = shares[0]!;
  let bestScore = -1;
  for (const target of shares) {
    const key = targetKey(target);
    const copy = copies.get(key) ?? 0;
    copies.set(key, copy + 1);
    const score = hash(`${client} ${key} ${copy}`);
    if (score > bestScore) [best, bestScore] = [target, score];
  }
  return best;
}
