import type { meta } from '#api';
import type { ApiResponse } from '../contracts.js';
import { statusBody } from './errors.js';

const JSON_HEADERS = { 'content-type': 'application/json' };

/** An answer with a JSON value. */
export function jsonResponse(
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): ApiResponse {
  return {
    status,
    headers: { ...JSON_HEADERS, ...headers },
    body: Buffer.from(JSON.stringify(value) + '\n', 'utf8'),
  };
}

/** An answer with plain text. */
export function textResponse(status: number, text: string): ApiResponse {
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    body: Buffer.from(text, 'utf8'),
  };
}

/** The answer that carries a Status, with Retry-After where the Status asks for it. */
export function statusResponse(status: meta.Status): ApiResponse {
  const headers: Record<string, string> = { ...JSON_HEADERS };
  const retry = status.details?.retryAfterSeconds;
  if (retry !== undefined && retry > 0) headers['retry-after'] = String(retry);
  return { status: status.code ?? 500, headers, body: statusBody(status) };
}
