import { CompactedError, FutureRevisionError } from '../errors.js';
import type { KeyValue, RangeOptions, RangeResult } from '../store.js';
import type { Change, Commit } from './change.js';
import { SortedMap } from './sorted-map.js';

const NO_VALUE = Buffer.alloc(0);

/** One key's life: its pair after each write, oldest first. A version without `kv` is a deletion. */
interface Chain {
  key: string;
  versions: { revision: number; kv?: KeyValue }[];
}

/** A version that nobody can read any more: what a journal may forget. */
export interface DeadVersion {
  revision: number;
  key: string;
}

/** The pair as of `revision`, by bisection from the young end. */
function versionAt(chain: Chain, revision: number): KeyValue | undefined {
  const { versions } = chain;
  for (let i = versions.length - 1; i >= 0; i--) {
    if (versions[i]!.revision <= revision) return versions[i]!.kv;
  }
  return undefined;
}

/**
 * The multi-version state in memory: every key's chain of versions since the last compaction, the live pairs
 * in key order, and the commits in revision order. Values are shared, never copied.
 */
export class MvccIndex {
  readonly #live = new SortedMap<KeyValue>();
  readonly #chains = new SortedMap<Chain>();
  readonly #byKey = new Map<string, Chain>();
  /** Chains that have more than a single live version: all that compaction needs to look at. */
  readonly #dirty = new Set<Chain>();
  #commits: Commit[] = [];
  #revision = 1;
  #compacted = 0;
  #liveBytes = 0;
  #totalBytes = 0;

  get revision(): number {
    return this.#revision;
  }
  /** The oldest readable revision; 0 before the first compaction. */
  get compactRevision(): number {
    return this.#compacted;
  }
  get bytes(): { liveBytes: number; totalBytes: number } {
    return { liveBytes: this.#liveBytes, totalBytes: this.#totalBytes };
  }

  /** The live pair. */
  current(key: string): KeyValue | undefined {
    const chain = this.#byKey.get(key);
    return chain?.versions[chain.versions.length - 1]?.kv;
  }

  /** Appends a commit; its revision must be above all before. */
  apply(commit: Commit): void {
    for (const change of commit.changes) this.#applyChange(change, commit.revision);
    this.#commits.push(commit);
    this.#revision = commit.revision;
  }

  #applyChange(change: Change, revision: number): void {
    const version = { revision, kv: change.kv };
    let chain = this.#byKey.get(change.key);
    const before = chain?.versions[chain.versions.length - 1]?.kv;
    if (chain === undefined) {
      // Most keys have one version: an array made with it has no room to spare.
      chain = { key: change.key, versions: [version] };
      this.#byKey.set(change.key, chain);
      this.#chains.set(change.key, chain);
    } else chain.versions.push(version);
    if (before !== undefined) this.#liveBytes -= before.value.length;
    if (change.kv !== undefined) {
      this.#live.set(change.key, change.kv);
      this.#liveBytes += change.kv.value.length;
      this.#totalBytes += change.kv.value.length;
    } else this.#live.delete(change.key);
    if (chain.versions.length > 1 || change.kv === undefined) this.#dirty.add(chain);
  }

  /** Throws when `revision` is no longer, or not yet, readable. */
  check(revision: number): void {
    if (revision > this.#revision) throw new FutureRevisionError(this.#revision);
    if (revision < this.#compacted) throw new CompactedError(this.#compacted);
  }

  get(key: string, revision: number): KeyValue | undefined {
    if (revision === 0 || revision === this.#revision) return this.current(key);
    this.check(revision);
    const chain = this.#byKey.get(key);
    return chain === undefined ? undefined : versionAt(chain, revision);
  }

  range(start: string, end: string, options: RangeOptions = {}): RangeResult {
    const limit = options.limit !== undefined && options.limit > 0 ? options.limit : Number.POSITIVE_INFINITY;
    const asked = options.revision ?? 0;
    const latest = asked === 0 || asked === this.#revision;
    const found = latest ? this.#rangeLive(start, end, limit) : this.#rangeAt(start, end, asked, limit);
    const kvs = options.keysOnly === true ? found.kvs.map((kv) => ({ ...kv, value: NO_VALUE })) : found.kvs;
    const revision = asked === 0 ? this.#revision : asked;
    return { kvs, count: found.count, more: found.count > kvs.length, revision };
  }

  #rangeLive(start: string, end: string, limit: number): { kvs: KeyValue[]; count: number } {
    const kvs = this.#live.range(start, end, limit);
    return { kvs, count: kvs.length < limit ? kvs.length : this.#live.count(start, end) };
  }

  #rangeAt(start: string, end: string, revision: number, limit: number): { kvs: KeyValue[]; count: number } {
    this.check(revision);
    const kvs: KeyValue[] = [];
    let count = 0;
    for (const chain of this.#chains.range(start, end)) {
      const kv = versionAt(chain, revision);
      if (kv === undefined) continue;
      if (count++ < limit) kvs.push(kv);
    }
    return { kvs, count };
  }

  /** The commits from `revision` on. Throws CompactedError when some of them are gone. */
  commitsFrom(revision: number): Commit[] {
    if (revision < this.#compacted) throw new CompactedError(this.#compacted);
    let low = 0;
    let high = this.#commits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#commits[middle]!.revision < revision) low = middle + 1;
      else high = middle;
    }
    return this.#commits.slice(low);
  }

  /**
   * Forgets what only reads below `revision` could see, and returns it. The version that `revision` itself
   * sees stays, and so do the commit and the deletions at exactly `revision`: a watch may start there.
   */
  compact(revision: number): DeadVersion[] {
    if (revision > this.#revision) throw new FutureRevisionError(this.#revision);
    if (revision <= this.#compacted) return [];
    this.#compacted = revision;
    this.#commits = this.commitsFrom(revision);
    const dead: DeadVersion[] = [];
    for (const chain of [...this.#dirty]) this.#compactChain(chain, revision, dead);
    return dead;
  }

  #compactChain(chain: Chain, revision: number, dead: DeadVersion[]): void {
    const { versions } = chain;
    let keep = 0;
    while (keep + 1 < versions.length && versions[keep + 1]!.revision <= revision) keep++;
    const first = versions[keep]!;
    if (first.kv === undefined && first.revision < revision) keep++;
    for (const version of versions.splice(0, keep)) {
      dead.push({ revision: version.revision, key: chain.key });
      this.#totalBytes -= version.kv?.value.length ?? 0;
    }
    if (versions.length === 0) {
      this.#byKey.delete(chain.key);
      this.#chains.delete(chain.key);
      this.#dirty.delete(chain);
    } else if (versions.length === 1 && versions[0]!.kv !== undefined) this.#dirty.delete(chain);
  }

  /** A revision with about half of the kept commits before it: where to compact when history grows too large. */
  middleRevision(): number {
    return this.#commits[this.#commits.length >> 1]?.revision ?? this.#revision;
  }

  /** Sets the revisions of a state that was read back from a journal. */
  restore(revision: number, compacted: number): void {
    this.#revision = Math.max(this.#revision, revision);
    this.#compacted = compacted;
  }
}
