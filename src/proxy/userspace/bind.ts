import type { Family } from '../state/addresses.js';

/** A socket that accepts clients of a front. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Takes no new clients. Connections that are established stay; UDP flows end. */
  close(): void;
  /** UDP: ends the flows to endpoints (`targetKey`) that are not in this set. */
  keepOnly?(answerers: ReadonlySet<string>): void;
}

export type Open = (address: string, port: number) => Promise<Listener>;

/** Privileged ports are mapped this much higher. */
const PRIVILEGED_SHIFT = 10_000;

/**
 * Where a virtual address is mapped to when it cannot be bound: `10.96.0.10` becomes `127.96.0.10`, so that the
 * mapping can be told without looking it up. IPv6 has a single loopback address.
 */
export function loopbackFor(address: string, family: Family): string {
  return family === 'IPv4' ? address.replace(/^\d+/, '127') : '::1';
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;
const isRefused = (error: unknown) =>
  ['EACCES', 'EADDRINUSE', 'EADDRNOTAVAIL', 'EINVAL', 'EPERM'].includes(codeOf(error) ?? '');

/** The first of several places that can be bound; rejects with the last place's error. */
async function firstOf(open: Open, places: readonly (readonly [string, number])[]): Promise<Listener> {
  for (const [i, [address, port]] of places.entries()) {
    try {
      return await open(address, port);
    } catch (error) {
      if (i === places.length - 1 || !isRefused(error)) throw error;
    }
  }
  throw new Error('no place to listen');
}

/**
 * Listens at the address itself when the node has it (or a route that makes it local), else on loopback: at the
 * same port, a port shifted out of the privileged range, or any port.
 */
export function bindVirtual(open: Open, address: string, port: number, family: Family): Promise<Listener> {
  const loopback = loopbackFor(address, family);
  const shifted = port < 1024 ? port + PRIVILEGED_SHIFT : port;
  return firstOf(open, [
    [address, port],
    [loopback, port],
    [loopback, shifted],
    [loopback, 0],
  ]);
}
