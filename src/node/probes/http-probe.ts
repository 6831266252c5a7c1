import http from 'node:http';
import https from 'node:https';
import { dialError, failure, type ProbeResult, success } from './probe-result.js';

export interface HttpTarget {
  url: URL;
  /** Sent as given; `Host` replaces the host of the URL, an empty User-Agent or Accept removes the default. */
  headers: { name: string; value: string }[];
  timeoutMs: number;
  signal: AbortSignal;
}

const MAX_REDIRECTS = 10;
const MAX_BODY = 10 * 1024;

interface Answer {
  status: number;
  location: string | undefined;
  body: string;
}

/** One GET without connection reuse; certificates are not verified (pkg/probe/http). */
function get(url: URL, target: HttpTarget): Promise<Answer> {
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      agent: false,
      rejectUnauthorized: false,
      headers: headersOf(target),
      signal: target.signal,
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const finish = () =>
        resolve({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          body: Buffer.concat(chunks).subarray(0, MAX_BODY).toString(),
        });
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_BODY) {
          finish();
          response.destroy();
        }
      });
      response.on('end', finish).on('error', reject);
    });
    outgoing.end();
  });
}

function headersOf(target: HttpTarget): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    'User-Agent': 'kube-probe/1.36',
    Accept: '*/*',
    Connection: 'close',
  };
  for (const { name, value } of target.headers) {
    const known = Object.keys(headers).find((key) => key.toLowerCase() === name.toLowerCase()) ?? name;
    if (value === '' && (known === 'User-Agent' || known === 'Accept')) delete headers[known];
    else headers[known] = value;
  }
  return headers;
}

/** Succeeds for 200 to 399; a redirect to another host is not followed and counts as success. */
export async function httpProbe(target: HttpTarget): Promise<ProbeResult> {
  let url = target.url;
  try {
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const answer = await get(url, target);
      const redirected = answer.status >= 300 && answer.status < 400 && answer.location !== undefined;
      if (!redirected)
        return answer.status >= 200 && answer.status < 400
          ? success(answer.body)
          : failure(`HTTP probe failed with statuscode: ${answer.status}`);
      const next = new URL(answer.location!, url);
      if (next.hostname !== target.url.hostname)
        return success(`Probe terminated redirects, Response body: ${answer.body}`);
      url = next;
    }
    return failure(`Get ${JSON.stringify(String(target.url))}: stopped after ${MAX_REDIRECTS} redirects`);
  } catch (error) {
    return failure(`Get ${JSON.stringify(String(target.url))}: ${reason(error, target)}`);
  }
}

function reason(error: unknown, { signal, url }: HttpTarget): string {
  if (signal.aborted) return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  return dialError(error, url.hostname.replace(/^\[|\]$/g, ''), port);
}
