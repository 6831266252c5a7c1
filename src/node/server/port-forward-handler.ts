import type { Duplex } from 'node:stream';
import type { Logger } from '#base';
import type { SpdyConnection, SpdyStream } from './spdy/connection.js';

export const PORT_FORWARD_PROTOCOL = 'portforward.k8s.io';
export const PORT_FORWARD_TUNNEL = 'SPDY/3.1+portforward.k8s.io';

/** The second stream of a pair has to come within this time (kubelet portforward streamCreationTimeout). */
const PAIR_TIMEOUT_MS = 30_000;

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
  timer: NodeJS.Timeout;
}

/** Each forwarded connection is a pair of streams with the same `requestid`: one for data, one for an error. */
export function servePortForward(
  connection: SpdyConnection,
  dial: (port: number) => Promise<Duplex>,
  pod: { name: string; uid: string },
  logger: Logger,
): Promise<void> {
  const pairs = new Map<string, Pair>();
  connection.on('stream', (stream) => {
    const id = stream.header('requestid') ?? legacyId(stream);
    const type = stream.header('streamtype');
    if (type !== 'data' && type !== 'error') return void stream.destroy();
    const pair = pairs.get(id) ?? { timer: setTimeout(() => expire(pairs, id), PAIR_TIMEOUT_MS) };
    pairs.set(id, pair);
    pair[type] = stream;
    if (pair.data === undefined || pair.error === undefined) return;
    clearTimeout(pair.timer);
    pairs.delete(id);
    forward(pair.data, pair.error, dial, pod).catch((error: unknown) =>
      logger.debug('a forwarded connection ended', { err: error }),
    );
  });
  return new Promise((resolve) =>
    connection.once('close', () => {
      for (const { timer } of pairs.values()) clearTimeout(timer);
      resolve();
    }),
  );
}

/** Clients before request ids opened the error stream, then the data stream. */
function legacyId(stream: SpdyStream): string {
  return String(stream.header('streamtype') === 'error' ? stream.id : stream.id - 2);
}

function expire(pairs: Map<string, Pair>, id: string): void {
  const pair = pairs.get(id);
  pairs.delete(id);
  pair?.data?.destroy();
  pair?.error?.destroy();
}

async function forward(
  data: SpdyStream,
  error: SpdyStream,
  dial: (port: number) => Promise<Duplex>,
  pod: { name: string; uid: string },
): Promise<void> {
  error.resume();
  const port = Number(data.header('port'));
  let target: Duplex;
  try {
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      throw new Error(`invalid port ${data.header('port')}`);
    target = await dial(port);
  } catch (cause) {
    error.end(
      `an error occurred forwarding ${port} -> ${port}: error forwarding port ${port} to pod ${pod.name}, uid ${pod.uid}: ${(cause as Error).message}`,
    );
    data.end();
    data.resume();
    return;
  }
  await join(data, target);
  error.end();
}

/** Copies both ways with half-closing; resolves when both directions have ended. */
function join(client: SpdyStream, target: Duplex): Promise<void> {
  return new Promise((resolve) => {
    target.on('error', () => client.destroy());
    client.on('close', () => target.destroy());
    target.once('close', () => {
      client.end();
      resolve();
    });
    client.pipe(target);
    target.pipe(client);
  });
}
