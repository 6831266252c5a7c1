import { isAlreadyExists, isNotFound, type KindInfo, type KubeObject } from '#api';
import type { Counter } from '#base';
import type { ServerDeps } from '../deps.js';
import { AllocationError, type Random } from './bands.js';
import { formatPortRange, PortBitmap, type PortRange } from './port-bitmap.js';

/** core/v1 RangeAllocation, stored at /registry/ranges/servicenodeports. */
export interface RangeAllocation extends KubeObject {
  range: string;
  /** The bitmap, base64. */
  data: string;
}

const NAME = 'servicenodeports';

/** Never served; lives in the store under the key that kube-apiserver uses. */
export const rangeAllocationKind: KindInfo = {
  group: '',
  version: 'v1',
  kind: 'RangeAllocation',
  resource: 'rangeallocations',
  singular: 'rangeallocation',
  shortNames: [],
  categories: [],
  namespaced: false,
  message: 'core.v1.RangeAllocation',
  subresources: [],
  storagePrefix: 'ranges',
  generation: false,
  selectableFields: [],
  verbs: [],
};

/** What a request does to the bitmap. Runs again when the write lost a race; must only touch the session. */
export type PortTransaction<R> = (ports: PortSession) => R;

/** The allocations of one request. Either all of them reach the store or none. */
export interface PortSession {
  /** Throws AllocationError. */
  allocate(port: number): void;
  allocateNext(): number;
  release(port: number): void;
}

interface Pending {
  run(bitmap: PortBitmap): void;
  settle(error?: unknown): void;
}

/** Undoes what a failed transaction had done to the shared bitmap. */
class Session implements PortSession {
  readonly #bitmap: PortBitmap;
  readonly #random: Random;
  readonly #undo: (() => void)[] = [];
  /** Ports that were asked for and ports that were chosen, for metrics. */
  readonly taken = { static: 0, dynamic: 0 };

  constructor(bitmap: PortBitmap, random: Random) {
    this.#bitmap = bitmap;
    this.#random = random;
  }
  allocate(port: number): void {
    this.#bitmap.allocate(port);
    this.#undo.push(() => this.#bitmap.release(port));
    this.taken.static++;
  }
  allocateNext(): number {
    const port = this.#bitmap.allocateNext(this.#random);
    this.#undo.push(() => this.#bitmap.release(port));
    this.taken.dynamic++;
    return port;
  }
  release(port: number): void {
    if (!this.#bitmap.has(port)) return;
    this.#bitmap.release(port);
    this.#undo.push(() => this.#bitmap.allocate(port));
  }
  revert(): void {
    for (const undo of this.#undo.reverse()) undo();
  }
}

/** Dry runs check requested ports against the present bitmap and answer ports that cannot exist. */
class DrySession implements PortSession {
  readonly #bitmap: PortBitmap;
  readonly #own: number[] = [];
  constructor(bitmap: PortBitmap) {
    this.#bitmap = bitmap;
  }
  allocate(port: number): void {
    if (this.#bitmap.has(port) || this.#own.includes(port)) {
      throw new AllocationError('allocated', 'provided port is already allocated');
    }
    this.#own.push(port);
  }
  allocateNext(): number {
    const port = (this.#own.length === 0 ? 32768 : Math.max(...this.#own)) + 1;
    this.#own.push(port);
    return port;
  }
  release(): void {}
}

/**
 * Node port allocation. The bitmap in the store is the truth and is changed by compare-and-put, so several API
 * servers agree; requests of this server that wait for one write share the next one (group commit).
 */
export class NodePorts {
  readonly range: PortRange;
  readonly #deps: ServerDeps;
  readonly #random: Random;
  readonly #allocations: Counter;
  readonly #errors: Counter;
  /** Ports taken when this server last saw the bitmap. */
  #used: number | undefined;
  #pending: Pending[] = [];
  #flushing = false;

  constructor(deps: ServerDeps, range: PortRange, random: Random = Math.random) {
    this.#deps = deps;
    this.range = range;
    this.#random = random;
    const name = 'kube_apiserver_nodeport_allocator_allocation';
    const { metrics } = deps;
    this.#allocations = metrics.counter(`${name}_total`, 'Number of NodePort allocations', ['scope']);
    this.#errors = metrics.counter(`${name}_errors_total`, 'Number of errors trying to allocate NodePort', [
      'scope',
    ]);
    const gauge = (what: string, value: (used: number) => number) =>
      metrics.gauge(
        `kube_apiserver_nodeport_allocator_${what}_ports`,
        `Number of NodePorts ${what} for Services`,
        [],
        (target) => this.#used !== undefined && target.set(value(this.#used)),
      );
    gauge('allocated', (used) => used);
    gauge('available', (used) => range.size - used);
  }

  #count(counter: Counter, { taken }: Session): void {
    if (taken.static > 0) counter.inc({ scope: 'static' }, taken.static);
    if (taken.dynamic > 0) counter.inc({ scope: 'dynamic' }, taken.dynamic);
  }

  /** Runs the transaction against the stored bitmap and resolves once its outcome is durable. */
  transact<R>(transaction: PortTransaction<R>): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      let outcome: (() => void) | undefined;
      this.#pending.push({
        run: (bitmap) => {
          const session = new Session(bitmap, this.#random);
          try {
            const result = transaction(session);
            outcome = () => {
              this.#count(this.#allocations, session);
              resolve(result);
            };
          } catch (error) {
            session.revert();
            outcome = () => {
              // Callers wrap the reason in a Status; the text stays.
              this.#errors.inc({ scope: String(error).includes('range is full') ? 'dynamic' : 'static' });
              reject(error);
            };
          }
        },
        settle: (error) => (error === undefined ? outcome!() : reject(error)),
      });
      if (!this.#flushing) void this.#flush();
    });
  }

  async dryRun<R>(transaction: PortTransaction<R>): Promise<R> {
    return transaction(new DrySession(this.#decode(await this.#read())));
  }

  async #flush(): Promise<void> {
    this.#flushing = true;
    // Lets requests that arrive in this turn of the event loop share the first write.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        await this.replace((bitmap) => {
          for (const pending of batch) pending.run(bitmap);
          return bitmap;
        });
        for (const pending of batch) pending.settle();
      } catch (error) {
        for (const pending of batch) pending.settle(error ?? new Error('node port write failed'));
      }
    }
    this.#flushing = false;
  }

  /** Read-modify-write of the whole bitmap; `change` returns undefined to leave it. Creates it when absent. */
  async replace(change: (bitmap: PortBitmap) => PortBitmap | undefined): Promise<void> {
    const apply = (object: RangeAllocation): RangeAllocation | undefined => {
      const next = change(this.#decode(object));
      if (next === undefined) return undefined;
      this.#used = next.count;
      const data = next.snapshot().toString('base64');
      if (data === object.data && object.range === formatPortRange(this.range)) return undefined;
      return { ...object, range: formatPortRange(this.range), data };
    };
    for (;;) {
      try {
        await this.#deps.store.update<RangeAllocation>(rangeAllocationKind, '', NAME, apply);
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
        await this.#create();
      }
    }
  }

  async #create(): Promise<void> {
    const empty: RangeAllocation = {
      apiVersion: 'v1',
      kind: 'RangeAllocation',
      metadata: { name: NAME },
      range: formatPortRange(this.range),
      data: '',
    };
    try {
      await this.#deps.store.create(rangeAllocationKind, empty);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async #read(): Promise<RangeAllocation | undefined> {
    return this.#deps.store.get<RangeAllocation>(rangeAllocationKind, '', NAME);
  }

  /** A bitmap of another range (the flag changed) is carried over port by port; what falls outside is dropped. */
  #decode(object: RangeAllocation | undefined): PortBitmap {
    const data = Buffer.from(object?.data ?? '', 'base64');
    const stored = object === undefined ? undefined : storedRange(object.range);
    if (stored === undefined) return new PortBitmap(this.range, Buffer.alloc(0));
    if (stored.base === this.range.base && stored.size === this.range.size)
      return new PortBitmap(stored, data);
    const bitmap = new PortBitmap(this.range);
    for (const port of new PortBitmap(stored, data).ports()) if (bitmap.inRange(port)) bitmap.allocate(port);
    return bitmap;
  }

  /** Ports taken in the store now. */
  async taken(): Promise<Set<number>> {
    const bitmap = this.#decode(await this.#read());
    this.#used = bitmap.count;
    return new Set(bitmap.ports());
  }

  release(ports: number[]): Promise<void> {
    if (ports.length === 0) return Promise.resolve();
    return this.transact((session) => {
      for (const port of ports) session.release(port);
    });
  }
}

function storedRange(text: string): PortRange | undefined {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  return match === null
    ? undefined
    : { base: Number(match[1]), size: Number(match[2]) - Number(match[1]) + 1 };
}
