/** Pods that wait for their turn: by priority, then in order of arrival (the scheduler's PrioritySort). */
export class PendingPods {
  /** Keys by priority. */
  readonly #levels = new Map<number, Set<string>>();
  readonly #priorities = new Map<string, number>();

  /** A Pod that waits already keeps its place, unless its priority has changed. */
  add(key: string, priority: number): void {
    const known = this.#priorities.get(key);
    if (known === priority) return;
    if (known !== undefined) this.#remove(key, known);
    this.#priorities.set(key, priority);
    const level = this.#levels.get(priority);
    if (level === undefined) this.#levels.set(priority, new Set([key]));
    else level.add(key);
  }

  /** Takes the most important one out. */
  take(): string | undefined {
    if (this.#levels.size === 0) return undefined;
    const priority = Math.max(...this.#levels.keys());
    const [key] = this.#levels.get(priority)!;
    this.#remove(key!, priority);
    return key;
  }

  #remove(key: string, priority: number): void {
    this.#priorities.delete(key);
    const level = this.#levels.get(priority)!;
    level.delete(key);
    if (level.size === 0) this.#levels.delete(priority);
  }
}
