/** Work goes on for this long at a stretch, so that watches and health checks are served meanwhile. */
const SLICE_MS = 10;
/** Looking at the clock costs as much as an item. */
const ITEMS_PER_LOOK = 32;

/** The items one by one, with a turn of the event loop now and then; few items come without a pause. */
export async function* paced<T>(items: Iterable<T>): AsyncGenerator<T> {
  let until = Date.now() + SLICE_MS;
  let taken = 0;
  for (const item of items) {
    yield item;
    if (++taken % ITEMS_PER_LOOK !== 0 || Date.now() < until) continue;
    await new Promise((resolve) => setImmediate(resolve));
    until = Date.now() + SLICE_MS;
  }
}
