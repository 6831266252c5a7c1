import { networkInterfaces } from 'node:os';
import type { Startable } from '#base';

/** How often new and gone addresses are looked for. */
const FOLLOW_MS = 1_000;

/**
 * A wildcard address as a socket for each address of the host, so that replies leave from the address that was asked, next to
 * one for all: it takes what is sent to an address in the moment before its own socket is there.
 */
export class WildcardUdp implements Startable {
  readonly #any: Startable;
  readonly #family: 'IPv4' | 'IPv6';
  readonly #open: (address: string) => Startable;
  readonly #failed: (address: string, error: unknown) => void;
  readonly #sockets = new Map<string, Startable>();
  /** Addresses that could not be listened on, so that this is said once. */
  readonly #refused = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(
    wildcard: '0.0.0.0' | '::',
    deps: { open: (address: string) => Startable; failed: (address: string, error: unknown) => void },
  ) {
    this.#family = wildcard === '::' ? 'IPv6' : 'IPv4';
    this.#open = deps.open;
    this.#failed = deps.failed;
    this.#any = deps.open(wildcard);
  }

  async start(): Promise<void> {
    await this.#any.start();
    await this.#follow();
    this.#timer = setInterval(() => {
      this.#running = this.#running.then(() => this.#follow());
    }, FOLLOW_MS).unref();
  }

  async #follow(): Promise<void> {
    const present = this.#addresses();
    for (const address of present) if (!this.#sockets.has(address)) await this.#add(address);
    for (const [address, socket] of this.#sockets) {
      if (present.has(address)) continue;
      this.#sockets.delete(address);
      await socket.stop();
    }
    for (const address of this.#refused) if (!present.has(address)) this.#refused.delete(address);
  }

  async #add(address: string): Promise<void> {
    if (this.#refused.has(address)) return;
    const socket = this.#open(address);
    try {
      await socket.start();
      this.#sockets.set(address, socket);
    } catch (error) {
      // An IPv6 address is not usable while it is tentative: those are tried again.
      if ((error as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL') return;
      this.#refused.add(address);
      this.#failed(address, error);
    }
  }

  #addresses(): Set<string> {
    const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    return new Set(
      all.filter((a) => a.family === this.#family && !a.address.startsWith('fe80')).map((a) => a.address),
    );
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    await Promise.all([this.#any, ...this.#sockets.values()].map((socket) => socket.stop()));
    this.#sockets.clear();
  }
}
