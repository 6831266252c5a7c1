import type { Target } from '../state/desired.js';
import { targetKey } from '../state/desired.js';
import type { Balancer } from './balancer.js';
import type { Front } from './fronts.js';
import { routeFor, type Sources } from './policy.js';

/** What sockets ask when a client comes. */
export interface Router {
  /** The next endpoint to try; undefined when the client may not have one, or all have been tried. */
  choose(client: string, tried: ReadonlySet<string>): Target | undefined;
  /** An endpoint did not answer. */
  failed(client: string): void;
  /** A connection or flow has reached its endpoint. */
  connected(target: Target): void;
}

/** What outlives the changes of a service port: who comes next, and how many came. */
export interface PortMemory {
  readonly balancer: Balancer;
  /** Connections per endpoint (`targetKey`). */
  readonly counts: Map<string, number>;
  /** Connections to all endpoints that there ever were. */
  total: number;
}

/** Routes the clients of one front; front and sources are replaced when the Service or the node changes. */
export class FrontRouter implements Router {
  front: Front;
  sources: Sources;
  readonly #memory: PortMemory;

  constructor(front: Front, sources: Sources, memory: PortMemory) {
    this.front = front;
    this.sources = sources;
    this.#memory = memory;
  }

  choose(client: string, tried: ReadonlySet<string>): Target | undefined {
    const { desired, kind, address } = this.front;
    const { list, shares } = routeFor(desired, kind, address, client, this.sources);
    return this.#memory.balancer.choose(desired.port, list, shares, client, tried);
  }

  failed(client: string): void {
    this.#memory.balancer.forget(client);
  }

  connected(target: Target): void {
    const key = targetKey(target);
    this.#memory.total++;
    this.#memory.counts.set(key, (this.#memory.counts.get(key) ?? 0) + 1);
  }
}
