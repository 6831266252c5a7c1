/**
 * What several Services may ask for under one key. It is wanted as long as anybody asks; of different values that of the
 * Service whose key sorts first counts, whatever the order in which they came.
 */
export class SharedFacts<V> {
  readonly #claims = new Map<string, Map<string, V>>();
  readonly #touched = new Set<string>();

  get(key: string): V | undefined {
    const claims = this.#claims.get(key);
    if (claims === undefined) return undefined;
    if (claims.size === 1) return claims.values().next().value;
    return claims.get([...claims.keys()].sort()[0]!);
  }

  has(key: string): boolean {
    return this.#claims.has(key);
  }

  keys(): Iterable<string> {
    return this.#claims.keys();
  }

  claim(key: string, service: string, value: V): void {
    const claims = this.#claims.get(key);
    if (claims === undefined) this.#claims.set(key, new Map([[service, value]]));
    else claims.set(service, value);
    this.#touched.add(key);
  }

  release(key: string, service: string): void {
    const claims = this.#claims.get(key);
    if (claims?.delete(service) !== true) return;
    if (claims.size === 0) this.#claims.delete(key);
    this.#touched.add(key);
  }

  /** Keys that were claimed or released since the last call. */
  takeTouched(): string[] {
    const keys = [...this.#touched];
    this.#touched.clear();
    return keys;
  }
}
