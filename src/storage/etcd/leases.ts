import { randomInt } from 'node:crypto';
import type { Connection } from './connection.js';

/** Keys that share a lease before a new one is made, as kube-apiserver. */
const MAX_KEYS = 1_000;
const MAX_REUSE_SECONDS = 60;

interface Shared {
  id: Promise<number>;
  reuseUntil: number;
  left: number;
}

/**
 * Leases for keys with a time to live. Keys written close together share one, which lives a little (5 %, at most
 * a minute) longer than asked, so that it outlives each of them (upstream: etcd3/lease_manager.go).
 */
export class Leases {
  readonly #connection: Connection;
  readonly #byTtl = new Map<number, Shared>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get(ttlSeconds: number): Promise<number> {
    const shared = this.#byTtl.get(ttlSeconds);
    if (shared !== undefined && shared.left > 0 && Date.now() < shared.reuseUntil) {
      shared.left--;
      return shared.id;
    }
    const extra = Math.min(MAX_REUSE_SECONDS, ttlSeconds * 0.05);
    const id = this.#grant(Math.ceil(ttlSeconds + extra));
    this.#byTtl.set(ttlSeconds, { id, reuseUntil: Date.now() + extra * 1000, left: MAX_KEYS - 1 });
    id.catch(() => this.forget(ttlSeconds));
    return id;
  }

  /** The lease is gone on the server: make a new one next time. */
  forget(ttlSeconds: number): void {
    this.#byTtl.delete(ttlSeconds);
  }

  async #grant(TTL: number): Promise<number> {
    // Chosen here so that the id stays exact as a number; a random 47-bit id does not meet another.
    const ID = randomInt(1, 2 ** 47);
    await this.#connection.call('Lease', 'LeaseGrant', { TTL, ID }, { read: false });
    return ID;
  }
}
