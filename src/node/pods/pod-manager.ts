import type { core } from '#api';
import type { Informer } from '#client';
import { PodWorker, type PodWorkerDeps } from './pod-worker.js';

/** Keeps one worker per pod of this node, from the informer's events. */
export class PodManager {
  readonly #informer: Informer<core.Pod>;
  readonly #deps: PodWorkerDeps;
  readonly #workers = new Map<string, PodWorker>();
  #off: (() => void) | undefined;

  constructor(informer: Informer<core.Pod>, deps: PodWorkerDeps) {
    this.#informer = informer;
    this.#deps = deps;
  }

  /** Takes over the pods that the informer has, and all that follow. */
  start(): void {
    this.#off = this.#informer.on({
      add: (pod) => this.#seen(pod),
      update: (pod, old) => {
        if (old.metadata.uid !== pod.metadata.uid) this.#workers.get(old.metadata.uid!)?.removed();
        this.#seen(pod);
      },
      delete: (pod) => this.#workers.get(pod.metadata.uid!)?.removed(),
    });
  }

  /** Ends every pod's processes at once; their objects stay as they are, to be started again by the next agent. */
  async stop(): Promise<void> {
    this.#off?.();
    this.#off = undefined;
    await Promise.all([...this.#workers.values()].map((worker) => worker.abandon()));
  }

  get workers(): PodWorker[] {
    return [...this.#workers.values()];
  }

  /** The worker of a pod by name; with a uid only when it is that one. */
  find(namespace: string, name: string, uid?: string): PodWorker | undefined {
    return this.workers.find(
      ({ pod: { metadata } }) =>
        metadata.namespace === namespace &&
        metadata.name === name &&
        (uid === undefined || metadata.uid === uid),
    );
  }

  #seen(pod: core.Pod): void {
    const uid = pod.metadata.uid!;
    const have = this.#workers.get(uid);
    if (have !== undefined) return have.update(pod);
    const worker = new PodWorker(pod, this.#deps);
    this.#workers.set(uid, worker);
    void worker.done.then(() => this.#workers.delete(uid));
  }
}
