import type { KubeObject } from '#api';
import { type Client, type Resource, type ResourceClient, TransportError } from '#client';

/** How the connection of a process ends at the moment of its death. */
export type Death = 'before the write' | 'after the write';

const WRITES = new Set([
  'create',
  'update',
  'updateSubresource',
  'createSubresource',
  'patch',
  'delete',
  'deleteCollection',
]);

/**
 * The client of a process that dies at its n-th write: with the write lost or with only its answer lost.
 * From then on nothing gets through.
 */
export class CrashingClient implements Client {
  readonly #inner: Client;
  readonly #at: number;
  readonly #death: Death;
  #writes = 0;
  #dead = false;
  /** Resolves at the moment of death. */
  readonly died: Promise<void>;
  #die: () => void = () => {};

  constructor(inner: Client, at: number, death: Death) {
    this.#inner = inner;
    this.#at = at;
    this.#death = death;
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  resource<T extends KubeObject>(resource: Resource<T>): ResourceClient<T> {
    const target = this.#inner.resource(resource);
    return new Proxy(target, {
      get: (object, name) => {
        const method = Reflect.get(object, name) as unknown;
        if (typeof method !== 'function' || name === 'watch') return bound(method, object);
        return (...args: unknown[]) =>
          this.#call(WRITES.has(String(name)), () => Reflect.apply(method, object, args) as Promise<unknown>);
      },
    });
  }

  async #call(isWrite: boolean, call: () => Promise<unknown>): Promise<unknown> {
    if (this.#dead) throw new TransportError('dead');
    if (!isWrite || ++this.#writes < this.#at) return call();
    this.#dead = true;
    this.#die();
    if (this.#death === 'after the write') await call();
    throw new TransportError('dead');
  }

  request(method: string, path: string, body?: unknown) {
    return this.#inner.request(method, path, body);
  }
  serverResources() {
    return this.#inner.serverResources();
  }
  close(): void {}
}

function bound(method: unknown, object: object): unknown {
  return typeof method === 'function' ? method.bind(object) : method;
}
