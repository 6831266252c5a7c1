import type { Entry } from './cached-object.js';
import type { CachedObject, WatchItem } from './cacher.js';

type ItemType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** `{"type":…,"object":…}\n` in one buffer. */
function eventLine(type: string, object: CachedObject): Buffer {
  const head = `{"type":"${type}","object":`;
  const line = Buffer.allocUnsafe(head.length + object.byteLength + 2);
  let at = line.write(head, 0, 'latin1');
  at = object.writeTo(line, at);
  line.write('}\n', at, 'latin1');
  return line;
}

/** One event as one type; its encodings are built once and shared by all watchers. */
export class ObjectItem implements WatchItem {
  readonly type: ItemType;
  readonly object: CachedObject;
  #line: Buffer | undefined;
  #encoded: Map<string, Buffer> | undefined;

  constructor(type: ItemType, object: CachedObject) {
    this.type = type;
    this.object = object;
  }

  get revision(): number {
    return this.object.revision;
  }

  line(): Buffer {
    this.#line ??= eventLine(this.type, this.object);
    return this.#line;
  }

  encoded(name: string, build: (item: WatchItem) => Buffer): Buffer {
    const have = this.#encoded?.get(name);
    if (have !== undefined) return have;
    const made = build(this);
    this.#encoded ??= new Map();
    this.#encoded.set(name, made);
    return made;
  }
}

/** A bookmark: kind and resourceVersion, and the annotation that ends initial events. */
export class BookmarkItem implements WatchItem {
  readonly type = 'BOOKMARK';
  readonly revision: number;
  readonly initialEventsEnd: boolean;
  readonly #kind: { apiVersion: string; kind: string };

  constructor(kind: { apiVersion: string; kind: string }, revision: number, initialEventsEnd = false) {
    this.#kind = kind;
    this.revision = revision;
    this.initialEventsEnd = initialEventsEnd;
  }

  line(): Buffer {
    const metadata = {
      resourceVersion: String(this.revision),
      ...(this.initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    };
    const object = { kind: this.#kind.kind, apiVersion: this.#kind.apiVersion, metadata };
    return Buffer.from(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }

  encoded(_name: string, build: (item: WatchItem) => Buffer): Buffer {
    return build(this);
  }
}

/** A change of one object, before any watcher's selection is applied to it. */
export class CacheEvent {
  readonly revision: number;
  /** The state after; absent when deleted. */
  readonly current: Entry | undefined;
  /** The state before, said at this event's revision; absent when created. */
  readonly previous: Entry | undefined;
  /** Wall-clock seconds at which the cache learnt of it. */
  readonly at: number;
  /** What watchers were sent of it: nearly always one thing, however many there are. */
  #items: ObjectItem[] | undefined;

  constructor(revision: number, current: Entry | undefined, previous: Entry | undefined, nowMs: number) {
    this.revision = revision;
    this.current = current;
    this.previous = previous?.at(revision);
    this.at = Math.floor(nowMs / 1000);
  }

  get key(): string {
    return (this.current ?? this.previous)!.key;
  }

  /** ADDED and MODIFIED carry the state after, DELETED the state before. */
  item(type: ItemType): ObjectItem {
    const have = this.#items?.find((item) => item.type === type);
    if (have !== undefined) return have;
    const object = type === 'DELETED' ? this.previous : this.current;
    const made = new ObjectItem(type, object!);
    if (this.#items === undefined) this.#items = [made];
    else this.#items.push(made);
    return made;
  }

  /** Drops what watchers were sent; it is made again if someone still asks. */
  forgetItems(): void {
    this.#items = undefined;
  }
}
