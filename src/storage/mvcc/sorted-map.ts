const CHUNK = 512;

/** Strings whose UTF-16 order may differ from their UTF-8 byte order. */
const WIDE = /[\ud800-\uffff]/;

/** Orders like the UTF-8 bytes of the strings: code units from U+E000 on sort before surrogates. */
function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x === y) continue;
    if (x >= 0xd800 && y >= 0xd800) {
      if (x >= 0xe000) x -= 0x2000;
      else x += 0x2000;
      if (y >= 0xe000) y -= 0x2000;
      else y += 0x2000;
    }
    return x - y;
  }
  return a.length - b.length;
}

interface Chunk<T> {
  keys: string[];
  values: T[];
}

/**
 * Keys in byte order, as a list of sorted chunks: inserts move at most 512 slots, ranges are slices, and a
 * count over any interval costs the number of chunks. Fits tens of thousands to millions of keys.
 */
export class SortedMap<T> {
  readonly #chunks: Chunk<T>[] = [];
  #size = 0;
  #wide = false;

  get size(): number {
    return this.#size;
  }

  #less(a: string, b: string): boolean {
    return this.#wide ? compareBytes(a, b) < 0 : a < b;
  }

  /** Index of the chunk that holds `key` or would: the last whose first key is not above it. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#less(key, this.#chunks[middle]!.keys[0]!)) high = middle - 1;
      else low = middle;
    }
    return low;
  }

  /** First position in the chunk whose key is not below `key`. */
  #slot(chunk: Chunk<T>, key: string): number {
    let low = 0;
    let high = chunk.keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#less(chunk.keys[middle]!, key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get(key: string): T | undefined {
    const chunk = this.#chunks[this.#chunkOf(key)];
    if (chunk === undefined) return undefined;
    const slot = this.#slot(chunk, key);
    return chunk.keys[slot] === key ? chunk.values[slot] : undefined;
  }

  set(key: string, value: T): void {
    if (!this.#wide && WIDE.test(key)) this.#widen();
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push({ keys: [key], values: [value] });
      this.#size = 1;
      return;
    }
    const slot = this.#slot(chunk, key);
    if (chunk.keys[slot] === key) {
      chunk.values[slot] = value;
      return;
    }
    chunk.keys.splice(slot, 0, key);
    chunk.values.splice(slot, 0, value);
    this.#size++;
    if (chunk.keys.length > CHUNK) this.#split(at, chunk, slot);
  }

  /** Appends in the middle of nowhere split in half; ascending loads split at the end and so fill their chunks. */
  #split(at: number, chunk: Chunk<T>, slot: number): void {
    const last = at === this.#chunks.length - 1 && slot === chunk.keys.length - 1;
    const middle = last ? chunk.keys.length - 1 : chunk.keys.length >> 1;
    this.#chunks.splice(at + 1, 0, { keys: chunk.keys.splice(middle), values: chunk.values.splice(middle) });
  }

  /** All keys so far compare alike in both orders, so only the comparison changes. */
  #widen(): void {
    this.#wide = true;
  }

  delete(key: string): boolean {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return false;
    const slot = this.#slot(chunk, key);
    if (chunk.keys[slot] !== key) return false;
    chunk.keys.splice(slot, 1);
    chunk.values.splice(slot, 1);
    this.#size--;
    if (chunk.keys.length === 0) this.#chunks.splice(at, 1);
    return true;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#size = 0;
  }

  /** Values of the keys in `[start, end)`, in order, at most `limit`. */
  range(start: string, end: string, limit = Number.POSITIVE_INFINITY): T[] {
    const out: T[] = [];
    if (!this.#less(start, end)) return out;
    for (let at = this.#chunkOf(start); at < this.#chunks.length && out.length < limit; at++) {
      const chunk = this.#chunks[at]!;
      const from = this.#less(chunk.keys[0]!, start) ? this.#slot(chunk, start) : 0;
      const last = this.#less(chunk.keys[chunk.keys.length - 1]!, end);
      const until = last ? chunk.keys.length : this.#slot(chunk, end);
      const stop = Math.min(until, from + (limit - out.length));
      for (let i = from; i < stop; i++) out.push(chunk.values[i]!);
      if (!last) break;
    }
    return out;
  }

  /** Number of keys in `[start, end)`. */
  count(start: string, end: string): number {
    if (this.#chunks.length === 0 || !this.#less(start, end)) return 0;
    const first = this.#chunkOf(start);
    const last = this.#chunkOf(end);
    let total = -this.#slot(this.#chunks[first]!, start) + this.#slot(this.#chunks[last]!, end);
    for (let at = first; at < last; at++) total += this.#chunks[at]!.keys.length;
    return total;
  }
}
