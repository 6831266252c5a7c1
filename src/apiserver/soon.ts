/** What is there already, or will be. Most requests are answered without waiting for anything: they skip the promises. */
export type Soon<T> = T | Promise<T>;

/** Calls `next` with the value, at once when it is there. */
export function soon<T, U>(value: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Runs `attempt` and hands whatever it throws or rejects with to `failed`. */
export function caught<T>(attempt: () => Soon<T>, failed: (error: unknown) => Soon<T>): Soon<T> {
  try {
    const value = attempt();
    return value instanceof Promise ? value.catch(failed) : value;
  } catch (error) {
    return failed(error);
  }
}
