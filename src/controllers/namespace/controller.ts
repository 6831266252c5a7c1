import { type core, isConflict, isNotFound } from '#api';
import type { Startable } from '#base';
import { type Informer, Resources, type WorkQueue } from '#client';
import { semanticEqual } from '../common/equal.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { timestamp } from '../common/time.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import { deletionConditions } from './conditions.js';
import { deletableKinds, emptyNamespace, type Remains } from './content.js';

export interface NamespaceOptions {
  /** Namespaces emptied at a time (upstream's --concurrent-namespace-syncs). */
  concurrentSyncs?: number;
}

const FINALIZER = 'kubernetes';
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;

/** Empties namespaces that are being deleted and then lets them go (upstream's namespace-controller). */
export function createNamespaceController(options: NamespaceOptions, deps: ControllerDeps): Startable {
  const namespaces = trimmedInformer(deps.informers, Resources.namespaces);
  return createLoop(deps, 'namespace', () => new Run(options, deps, namespaces));
}

class Run implements LoopRun {
  readonly workers: number;
  readonly caches: LoopRun['caches'];
  readonly #deps: ControllerDeps;
  readonly #namespaces: Informer<core.Namespace>;
  /** Looks at a namespace whose content is still on its way out. */
  readonly #waits = new Map<string, number>();
  #queue: WorkQueue | undefined;

  constructor(options: NamespaceOptions, deps: ControllerDeps, namespaces: Informer<core.Namespace>) {
    this.workers = options.concurrentSyncs ?? 10;
    this.#deps = deps;
    this.#namespaces = namespaces;
    this.caches = [namespaces];
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const enqueue = ({ metadata }: core.Namespace) => {
      if (metadata.deletionTimestamp !== undefined) queue.add(metadata.name!);
    };
    return [this.#namespaces.on({ add: enqueue, update: enqueue })];
  }

  async sync(key: string): Promise<void> {
    const namespace = this.#namespaces.get(key);
    if (namespace === undefined) {
      this.#waits.delete(key);
      return;
    }
    if (namespace.metadata.deletionTimestamp === undefined) return;
    if (!(namespace.spec?.finalizers ?? []).includes(FINALIZER)) return;
    const { remains, discoveryError } = await this.#empty(key);
    const done = remains.resources.size === 0 && remains.errors.length === 0 && discoveryError === undefined;
    try {
      if (done) await this.#finalize(namespace);
      else await this.#report(namespace, remains, discoveryError);
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
    if (!done) this.#lookAgain(key);
  }

  async #empty(key: string): Promise<{ remains: Remains; discoveryError: string | undefined }> {
    try {
      const kinds = deletableKinds(await this.#deps.client.serverResources());
      return { remains: await emptyNamespace(this.#deps.client, key, kinds), discoveryError: undefined };
    } catch (error) {
      const remains = { resources: new Map(), finalizers: new Map(), errors: [] };
      return { remains, discoveryError: error instanceof Error ? error.message : String(error) };
    }
  }

  async #finalize(namespace: core.Namespace): Promise<void> {
    const finalizers = (namespace.spec?.finalizers ?? []).filter((name) => name !== FINALIZER);
    const released = { ...namespace, spec: { ...namespace.spec, finalizers } };
    await this.#deps.client.resource(Resources.namespaces).updateSubresource('finalize', released);
    this.#waits.delete(namespace.metadata.name!);
  }

  async #report(
    namespace: core.Namespace,
    remains: Remains,
    discoveryError: string | undefined,
  ): Promise<void> {
    const now = timestamp(this.#deps.clock);
    const current = namespace.status?.conditions ?? [];
    const conditions = deletionConditions(current, remains, discoveryError, now);
    if (semanticEqual(current, conditions)) return;
    const status = { ...namespace.status, phase: 'Terminating', conditions };
    await this.#deps.client
      .resource(Resources.namespaces)
      .updateSubresource('status', { ...namespace, status });
  }

  /** Content goes at its own pace (grace periods, finalizers): look again, less and less often. */
  #lookAgain(key: string): void {
    const looks = this.#waits.get(key) ?? 0;
    this.#waits.set(key, looks + 1);
    this.#queue?.addAfter(key, Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** looks));
  }
}
