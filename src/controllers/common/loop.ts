import { setMaxListeners } from 'node:events';
import type { Startable } from '#base';
import type { WorkQueue } from '#client';
import type { LoopDeps } from '../deps.js';

/** One run of a controller, from gaining leadership to losing it. State lives and dies with the run. */
export interface LoopRun {
  /** Number of keys that are processed at the same time. */
  workers: number;
  /** Caches that must be complete before the first sync. */
  caches: { synced(signal?: AbortSignal): Promise<void> }[];
  /** Attaches event handlers that fill the queue; returns what detaches them. */
  subscribe(queue: WorkQueue): (() => void)[];
  /** Brings one key to its desired state; level-triggered and idempotent. Throwing retries with back-off. */
  sync(key: string): Promise<void>;
}

/**
 * The shape of every controller: complete caches, handlers that only name what to look at, workers that
 * compare and write. `queue` is upstream's queue name. Starting again after stop begins a fresh run.
 */
export function createLoop(deps: LoopDeps, queue: string, build: () => LoopRun): Startable {
  return new Loop(deps, queue, build);
}

class Loop implements Startable {
  readonly #deps: LoopDeps;
  readonly #name: string;
  readonly #build: () => LoopRun;
  #abort = new AbortController();
  #queue: WorkQueue | undefined;
  #unsubscribe: (() => void)[] = [];

  constructor(deps: LoopDeps, name: string, build: () => LoopRun) {
    this.#deps = deps;
    this.#name = name;
    this.#build = build;
  }

  async start(): Promise<void> {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    // Every cache that is waited for listens.
    setMaxListeners(0, signal);
    const run = this.#build();
    this.#deps.informers.start();
    await Promise.all(run.caches.map((cache) => cache.synced(signal)));
    signal.throwIfAborted();
    const queue = this.#deps.queue(this.#name);
    this.#queue = queue;
    this.#unsubscribe = run.subscribe(queue);
    queue.run(run.workers, (key) => run.sync(key));
  }

  async stop(): Promise<void> {
    this.#abort.abort(new Error(`${this.#name} stopped`));
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    await this.#queue?.shutDown();
    this.#queue = undefined;
  }
}
