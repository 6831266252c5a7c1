import type { CacheEvent } from './cache-event.js';
import type { Entry } from './cached-object.js';
import type { Watcher } from './watcher.js';

/**
 * Live watchers by what they look at, so that an event costs the watchers it may interest: those of one
 * object, of one value of the indexed field, of one namespace, or of everything.
 */
export class WatcherIndex {
  readonly #indexField: string | undefined;
  readonly #all = new Set<Watcher>();
  readonly #groups = new Map<string, Set<Watcher>>();
  #byField = 0;

  constructor(indexField: string | undefined) {
    this.#indexField = indexField;
  }

  #groupKey(watcher: Watcher): string | undefined {
    const { namespace, name, indexValue } = watcher.selection;
    if (name !== undefined) return `object ${namespace ?? ''}/${name}`;
    if (indexValue !== undefined && this.#indexField !== undefined) return `field ${indexValue}`;
    return namespace === undefined ? undefined : `namespace ${namespace}`;
  }

  add(watcher: Watcher): void {
    const key = this.#groupKey(watcher);
    if (key === undefined) {
      this.#all.add(watcher);
      return;
    }
    if (key.startsWith('field ')) this.#byField++;
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, new Set([watcher]));
    else group.add(watcher);
  }

  delete(watcher: Watcher): void {
    const key = this.#groupKey(watcher);
    if (key === undefined) {
      this.#all.delete(watcher);
      return;
    }
    const group = this.#groups.get(key);
    if (group?.delete(watcher) !== true) return;
    if (key.startsWith('field ')) this.#byField--;
    if (group.size === 0) this.#groups.delete(key);
  }

  /** Offers the event to every watcher that may want it. */
  dispatch(event: CacheEvent): void {
    for (const watcher of this.#all) watcher.offer(event);
    if (this.#groups.size === 0) return;
    const { namespace, name } = (event.current ?? event.previous)!;
    this.#offer(`object ${namespace}/${name}`, event);
    if (namespace !== '') {
      this.#offer(`object /${name}`, event);
      this.#offer(`namespace ${namespace}`, event);
    }
    if (this.#byField > 0) this.#dispatchByField(event);
  }

  #dispatchByField(event: CacheEvent): void {
    const now = this.#valueOf(event.current);
    const before = this.#valueOf(event.previous);
    if (now !== undefined) this.#offer(`field ${now}`, event);
    if (before !== undefined && before !== now) this.#offer(`field ${before}`, event);
  }

  #valueOf(entry: Entry | undefined): string | undefined {
    return entry === undefined ? undefined : (entry.attributes().fields[this.#indexField!] ?? '');
  }

  #offer(key: string, event: CacheEvent): void {
    const group = this.#groups.get(key);
    if (group !== undefined) for (const watcher of group) watcher.offer(event);
  }
}
