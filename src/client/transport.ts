/** Carries one request; the way in which a client reaches an API server. */
export interface TransportRequest {
  method: string;
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body?: Buffer;
  signal?: AbortSignal;
}

export interface TransportResponse {
  status: number;
  headers: Record<string, string | undefined>;
  /** Must be consumed or returned early; ending the iteration early cancels the request. */
  body: AsyncIterable<Buffer>;
}

/**
 * Implementations: HTTP/2 with fallback to HTTP/1.1 over TCP or a unix socket (`http-transport.ts`), and the
 * in-process one that the composition root builds around an API server in the same process.
 * Rejects with TransportError when no answer came.
 */
export interface Transport {
  request(request: TransportRequest): Promise<TransportResponse>;
  /** Ends open requests and connections. */
  close(): void;
}

/** Reads a whole body, at most `limit` bytes. */
export async function readAll(body: AsyncIterable<Buffer>, limit = 512 * 1024 * 1024): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw new RangeError(`answer larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
