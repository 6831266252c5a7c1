import {
  errorStatus,
  parseSize,
  type RemoteChannels,
  SizeSource,
  type StreamOptions,
} from './remote-channels.js';
import type { SpdyConnection, SpdyStream } from './spdy/connection.js';

export const SPDY_PROTOCOLS = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
];

/** How long the client may take to open its streams; upstream's DefaultStreamCreationTimeout. */
const OPEN_TIMEOUT_MS = 30_000;

function expected(options: StreamOptions, protocol: string): string[] {
  return [
    'error',
    ...(options.stdin ? ['stdin'] : []),
    ...(options.stdout ? ['stdout'] : []),
    ...(options.stderr ? ['stderr'] : []),
    ...(options.tty && !['v2.channel.k8s.io', 'channel.k8s.io'].includes(protocol) ? ['resize'] : []),
  ];
}

/** Waits for the streams, told apart by their `streamtype` header. Rejects when they do not come in time. */
function collect(connection: SpdyConnection, wanted: string[]): Promise<Map<string, SpdyStream>> {
  const streams = new Map<string, SpdyStream>();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error('timed out waiting for client to create streams')),
      OPEN_TIMEOUT_MS,
    );
    connection.once('close', () => {
      clearTimeout(timer);
      reject(new Error('the client closed the connection'));
    });
    connection.on('stream', (stream) => {
      streams.set(stream.header('streamtype') ?? '', stream);
      if (!wanted.every((type) => streams.has(type))) return;
      clearTimeout(timer);
      resolve(streams);
    });
  });
}

/** exec and attach over SPDY: one stream per channel. */
export async function spdyChannels(
  connection: SpdyConnection,
  options: StreamOptions,
  protocol: string,
): Promise<RemoteChannels> {
  const streams = await collect(connection, expected(options, protocol));
  const error = streams.get('error')!;
  error.resume();
  const sizes = new SizeSource();
  let partial = '';
  streams.get('resize')?.on('data', (chunk: Buffer) => {
    partial += chunk.toString();
    for (let end = partial.indexOf('}'); end >= 0; end = partial.indexOf('}')) {
      const size = parseSize(partial.slice(0, end + 1));
      partial = partial.slice(end + 1);
      if (size !== undefined) sizes.set(size);
    }
    if (partial.length > 1024) partial = '';
  });
  const [stdin, stdout, stderr] = ['stdin', 'stdout', 'stderr'].map((type) => streams.get(type));
  const hasStatus = protocol === 'v4.channel.k8s.io' || protocol === 'v5.channel.k8s.io';
  return {
    ...(stdin === undefined ? {} : { stdin }),
    ...(stdout === undefined ? {} : { stdout }),
    ...(stderr === undefined ? {} : { stderr }),
    onResize: (callback) => sizes.listen(callback),
    gone: new Promise((resolve) => connection.once('close', () => resolve())),
    finish: async (status) => {
      const text = hasStatus
        ? JSON.stringify(status)
        : status.status === 'Success'
          ? ''
          : (status.message ?? errorStatus('').message!);
      for (const stream of [stdout, stderr]) stream?.end();
      error.end(Buffer.from(text));
      await new Promise<void>((resolve) => error.once('finish', resolve).once('close', resolve));
      await connection.finish();
    },
  };
}
