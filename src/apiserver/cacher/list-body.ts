import type { CachedList, CachedObject } from './cacher.js';

const CHUNK_BYTES = 256 * 1024;

function envelopeHead(apiVersion: string, listKind: string, list: CachedList): Buffer {
  const metadata = {
    resourceVersion: String(list.revision),
    ...(list.continue === undefined ? {} : { continue: list.continue }),
    ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
  };
  const head = JSON.stringify({ kind: listKind, apiVersion, metadata });
  return Buffer.from(`${head.slice(0, -1)},"items":[`);
}

/** Packs items `from..` into one buffer of about CHUNK_BYTES; returns it and the index after the last packed one. */
function packChunk(items: CachedObject[], from: number, head: Buffer): { chunk: Buffer; next: number } {
  let size = head.length;
  let next = from;
  while (next < items.length && (next === from || size < CHUNK_BYTES)) {
    size += items[next]!.itemLength + (next === 0 ? 0 : 1);
    next++;
  }
  const last = next >= items.length;
  const chunk = Buffer.allocUnsafe(size + (last ? 3 : 0));
  let offset = head.copy(chunk, 0);
  for (let i = from; i < next; i++) {
    if (i > 0) chunk[offset++] = 0x2c;
    offset = items[i]!.writeItemTo(chunk, offset);
  }
  if (last) offset += chunk.write(']}\n', offset, 'latin1');
  return { chunk, next };
}

/**
 * The JSON of a list, without parsing or serialising an object. Small lists are one Buffer; larger ones come
 * in chunks with the event loop free between them.
 */
export function listBody(
  list: CachedList,
  envelope: { apiVersion: string; listKind: string },
): Buffer | AsyncIterable<Buffer> {
  const head = envelopeHead(envelope.apiVersion, envelope.listKind, list);
  const first = packChunk(list.items, 0, head);
  if (first.next >= list.items.length) return first.chunk;
  return chunks(list.items, first);
}

async function* chunks(
  items: CachedObject[],
  first: { chunk: Buffer; next: number },
): AsyncGenerator<Buffer> {
  yield first.chunk;
  const none = Buffer.alloc(0);
  for (let next = first.next; next < items.length; ) {
    await new Promise((resolve) => setImmediate(resolve));
    const packed = packChunk(items, next, none);
    next = packed.next;
    yield packed.chunk;
  }
}
