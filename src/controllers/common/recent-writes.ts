import { type KubeObject, objectKey } from '#api';
import type { Informer } from '#client';
import { getOrMake } from './maps.js';

interface Write<T> {
  /** The object as the server answered; absent for a delete. */
  object: T | undefined;
  /** The version written; empty for a delete. */
  resourceVersion: string;
  key: string;
}

/**
 * This process's own writes, laid over a cache until the watch has delivered them. Lets a controller act on
 * the next change at once instead of waiting for its last write to come back (upstream's slice tracker retries).
 */
export class RecentWrites<T extends KubeObject> {
  readonly #informer: Informer<T>;
  readonly #groups = new Map<string, Map<string, Write<T>>>();
  /** Events of groups that are being written: whose they are shows when the answers are there. */
  readonly #undecided = new Map<string, { object: T; gone: boolean }[]>();

  constructor(informer: Informer<T>) {
    this.#informer = informer;
  }

  /** Remembers the server's answer to a create or update. */
  wrote(group: string, object: T): void {
    const resourceVersion = object.metadata.resourceVersion ?? '0';
    this.#group(group).set(object.metadata.uid!, { object, resourceVersion, key: objectKey(object) });
  }

  /** Remembers that the server accepted the deletion of `object`. */
  deleted(group: string, object: T): void {
    const write = { object: undefined, resourceVersion: '', key: objectKey(object) };
    this.#group(group).set(object.metadata.uid!, write);
  }

  /** Forgets a group: a write was refused as stale, so the overlay is in doubt, or the owner is gone. */
  forget(group: string): void {
    this.#groups.delete(group);
  }

  /**
   * True when an event (`gone`: a deletion) shows more than the outcome of an own write. While the group is
   * being written the question is kept for `end`, as the event may overtake the answer.
   */
  isNews(group: string, object: T, gone = false): boolean {
    const undecided = this.#undecided.get(group);
    if (undecided !== undefined) {
      undecided.push({ object, gone });
      return false;
    }
    const own = gone ? this.isOwnDelete(group, object) : this.isOwn(group, object);
    if (own) this.#arrived(group, object, gone);
    return !own;
  }

  /** The cache has the outcome of a write now: remembering it any longer would hold every object twice. */
  #arrived(group: string, { metadata }: T, gone: boolean): void {
    const writes = this.#groups.get(group);
    const write = writes?.get(metadata.uid!);
    if (writes === undefined || write === undefined) return;
    if (gone || write.resourceVersion === metadata.resourceVersion) writes.delete(metadata.uid!);
    if (writes.size === 0) this.#groups.delete(group);
  }

  /** The group is about to be written. */
  begin(group: string): void {
    this.#undecided.set(group, []);
  }

  /** The writes are answered; true when something else happened to the group meanwhile. */
  end(group: string): boolean {
    const undecided = this.#undecided.get(group) ?? [];
    this.#undecided.delete(group);
    return undecided.some(({ object, gone }) => this.isNews(group, object, gone));
  }

  /** True when the event shows nothing but the outcome of an own write. */
  isOwn(group: string, object: T): boolean {
    const write = this.#groups.get(group)?.get(object.metadata.uid!);
    return (
      write?.object !== undefined &&
      compareResourceVersions(object.metadata.resourceVersion, write.resourceVersion) <= 0
    );
  }

  /** True when this process asked for the deletion of the object. */
  isOwnDelete(group: string, object: T): boolean {
    const write = this.#groups.get(group)?.get(object.metadata.uid!);
    return write !== undefined && write.object === undefined;
  }

  /** The group's objects as they are after the own writes. */
  merge(group: string, cached: T[]): T[] {
    const writes = this.#groups.get(group);
    if (writes === undefined) return cached;
    const objects = new Map(cached.map((object) => [object.metadata.uid!, object]));
    for (const [uid, write] of writes) {
      if (this.#delivered(uid, write)) writes.delete(uid);
      else if (write.object === undefined) objects.delete(uid);
      else objects.set(uid, write.object);
    }
    if (writes.size === 0) this.#groups.delete(group);
    return [...objects.values()];
  }

  #delivered(uid: string, write: Write<T>): boolean {
    if (write.object !== undefined)
      return compareResourceVersions(this.#informer.resourceVersion, write.resourceVersion) >= 0;
    // Seen as gone, replaced by a namesake, or marked: a deletion that waits for a grace period or finalizer.
    const cached = this.#informer.get(write.key);
    return cached?.metadata.uid !== uid || cached.metadata.deletionTimestamp !== undefined;
  }

  #group(group: string): Map<string, Write<T>> {
    const writes = getOrMake(this.#groups, group, () => new Map());
    return writes;
  }
}

/** Orders resourceVersions (decimal numbers of any size); an absent one is the oldest. */
export function compareResourceVersions(a = '', b = ''): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
