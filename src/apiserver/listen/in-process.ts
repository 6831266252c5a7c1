import { Readable } from 'node:stream';
import { Errors } from '#api';
import type { ApiRequest, ApiResponse, UserInfo } from '../contracts.js';
import { MAX_BODY_BYTES } from './http-request.js';

export interface InProcessRequest {
  method: string;
  /** Path and query. */
  url: string;
  headers: Record<string, string | undefined>;
  body?: Buffer;
  signal: AbortSignal;
}

/** Anything that answers API requests. */
export interface RequestHandler {
  handle(request: ApiRequest): Promise<ApiResponse>;
}

/**
 * A way into the server without a socket, as the given user: authentication is skipped, everything after it
 * is the same. Streams are pulled by the caller; aborting the signal ends them.
 */
export function createInProcessTransport(
  server: RequestHandler,
  user: UserInfo,
): (request: InProcessRequest) => Promise<ApiResponse> {
  return ({ method, url, headers, body = Buffer.alloc(0), signal }) =>
    server.handle({
      method,
      url,
      headers,
      user,
      signal,
      hasBody: body.length > 0,
      body: () =>
        body.length > MAX_BODY_BYTES
          ? Promise.reject(Errors.tooLarge(`Request entity too large: limit is ${MAX_BODY_BYTES}`))
          : Promise.resolve(body),
      stream: () => Readable.from([body]),
    });
}
