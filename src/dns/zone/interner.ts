/** Beyond, what was kept is forgotten: values that are still in use only lose their sharing with later ones. */
const MAX_KEPT = 4096;

/** Lets equal values of many objects be one: namespaces, port lists. */
export class Interner {
  readonly #kept = new Map<string, unknown>();

  text(text: string): string {
    return this.#keep(text, text);
  }

  /** For plain values whose JSON says all of them; they are shared, and must not be changed. */
  value<T extends object>(value: T): T {
    return this.#keep(JSON.stringify(value), value);
  }

  #keep<T>(key: string, value: T): T {
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept as T;
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(key, value);
    return value;
  }
}
