/** Work goes on for this long at a stretch, so that watches and health checks are served meanwhile. */
const SLICE_MS = 10;
/** Looking at the clock costs as much as an item. */
const ITEMS_PER_LOOK = 32;

/** Does something for each item, pausing now and then; few items are done without a pause. */
export async function paced<T>(items: Iterable<T>, each: (item: T) => void): Promise<void> {
  let until = Date.now() + SLICE_MS;
  let done = 0;
  for (const item of items) {
    each(item);
    if (++done % ITEMS_PER_LOOK !== 0 || Date.now() < until) continue;
    await new Promise((resolve) => setImmediate(resolve));
    until = Date.now() + SLICE_MS;
  }
}
