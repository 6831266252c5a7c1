import { type discovery, isConflict, isNotFound, type KubeObject } from '#api';
import type { ResourceClient } from '#client';
import { isNamespaceTerminating } from '../common/errors.js';
import type { RecentWrites } from '../common/recent-writes.js';
import { LAST_CHANGE_TRIGGER_TIME } from '../common/trigger-time.js';
import type { SlicePlan } from './pack.js';

type Slice = discovery.EndpointSlice;

/** Counts the writes that succeeded. */
export interface WriteCounter {
  wrote(operation: 'create' | 'update' | 'delete'): void;
}

/** Carries out plans: creates, then updates, then deletes, so that no endpoint is missing in between. */
export class SliceWriter {
  readonly #client: ResourceClient<Slice>;
  readonly #recent: RecentWrites<Slice>;
  readonly #metrics: WriteCounter;

  constructor(client: ResourceClient<Slice>, recent: RecentWrites<Slice>, metrics: WriteCounter) {
    this.#client = client;
    this.#recent = recent;
    this.#metrics = metrics;
  }

  /** Throws the first refusal; what was written before it is remembered and not written again. */
  async write(
    group: string,
    owner: KubeObject,
    plan: SlicePlan,
    triggerTime: string | undefined,
  ): Promise<void> {
    const creates = owner.metadata.deletionTimestamp === undefined ? plan.create : [];
    try {
      for (const slice of creates) await this.#create(group, withTriggerTime(slice, triggerTime));
      for (const slice of plan.update) await this.#update(group, withTriggerTime(slice, triggerTime));
      for (const slice of plan.remove) await this.#remove(group, slice);
    } catch (error) {
      // Somebody else wrote: what this process remembers may be wrong, the cache decides from here on.
      if (isConflict(error) || isNotFound(error)) this.#recent.forget(group);
      if (!isNamespaceTerminating(error)) throw error;
    }
  }

  async #create(group: string, slice: Slice): Promise<void> {
    this.#recent.wrote(group, await this.#client.create(slice));
    this.#metrics.wrote('create');
  }

  async #update(group: string, slice: Slice): Promise<void> {
    this.#recent.wrote(group, await this.#client.update(slice));
    this.#metrics.wrote('update');
  }

  async #remove(group: string, slice: Slice): Promise<void> {
    const { name, namespace, uid } = slice.metadata;
    try {
      await this.#client.delete(name!, namespace, { preconditions: { uid: uid! } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    this.#recent.deleted(group, slice);
    this.#metrics.wrote('delete');
  }
}

/** The annotation tells how old the change is that this write publishes; without a known trigger it goes. */
function withTriggerTime(slice: Slice, triggerTime: string | undefined): Slice {
  const { [LAST_CHANGE_TRIGGER_TIME]: _old, ...rest } = slice.metadata.annotations ?? {};
  const annotations = triggerTime === undefined ? rest : { ...rest, [LAST_CHANGE_TRIGGER_TIME]: triggerTime };
  return { ...slice, metadata: { ...slice.metadata, annotations } };
}
