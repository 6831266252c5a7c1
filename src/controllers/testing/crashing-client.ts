import type { KubeObject } from '#api';
import { type Client, type Resource, type ResourceClient, TransportError } from '#client';

/**
 * How a process loses its connection at one of its calls: dead before it or after it (with the answer lost), from
 * then on nothing gets through; or alive, with only this one answer lost.
 */
export type Loss = 'dead before' | 'dead after' | 'answer lost';

/** The client of a process whose n-th call, read or write, is lost. Watches stay open. */
export class CrashingClient implements Client {
  readonly #inner: Client;
  readonly #at: number;
  readonly #loss: Loss;
  #calls = 0;
  #dead = false;
  /** Resolves at the moment of the loss. */
  readonly lost: Promise<void>;
  #announce: () => void = () => {};

  constructor(inner: Client, at: number, loss: Loss) {
    this.#inner = inner;
    this.#at = at;
    this.#loss = loss;
    this.lost = new Promise((resolve) => {
      this.#announce = resolve;
    });
  }

  resource<T extends KubeObject>(resource: Resource<T>): ResourceClient<T> {
    const target = this.#inner.resource(resource);
    return new Proxy(target, {
      get: (object, name) => {
        const method = Reflect.get(object, name) as unknown;
        if (typeof method !== 'function' || name === 'watch') return bound(method, object);
        return (...args: unknown[]) =>
          this.#call(() => Reflect.apply(method, object, args) as Promise<unknown>);
      },
    });
  }

  async #call<R>(call: () => Promise<R>): Promise<R> {
    if (this.#dead) throw new TransportError('dead');
    if (++this.#calls !== this.#at) return call();
    this.#dead = this.#loss !== 'answer lost';
    this.#announce();
    if (this.#loss !== 'dead before') await call();
    throw new TransportError('the connection was lost');
  }

  request(method: string, path: string, body?: unknown) {
    return this.#call(() => this.#inner.request(method, path, body));
  }
  serverResources() {
    return this.#call(() => this.#inner.serverResources());
  }
  close(): void {}
}

function bound(method: unknown, object: object): unknown {
  return typeof method === 'function' ? method.bind(object) : method;
}
