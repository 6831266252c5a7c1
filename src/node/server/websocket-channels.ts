import { PassThrough, Writable } from 'node:stream';
import type WebSocket from 'ws';
import type { meta } from '#api';
import { parseSize, type RemoteChannels, SizeSource, type StreamOptions } from './remote-channels.js';

export const CHANNEL_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'channel.k8s.io', ''];

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
const CLOSE = 255;
/** Output waits for the client above this many unsent bytes. */
const HIGH_WATER = 1024 * 1024;

function frame(channel: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([channel]), data]);
}

function output(socket: WebSocket, channel: number): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (socket.readyState !== socket.OPEN) return done();
      const isFull = socket.bufferedAmount > HIGH_WATER;
      socket.send(frame(channel, chunk), isFull ? () => done() : undefined);
      if (!isFull) done();
    },
  });
}

/** Every message begins with its channel's number; v5 can close one channel with 255. */
export function webSocketChannels(
  socket: WebSocket,
  options: StreamOptions,
  protocol: string,
): RemoteChannels {
  const stdin = options.stdin ? new PassThrough() : undefined;
  const sizes = new SizeSource();
  const gone = new Promise<void>((resolve) => {
    socket.once('close', () => {
      stdin?.end();
      resolve();
    });
  });
  socket.on('error', () => {});
  socket.on('message', (message: Buffer) => {
    const [channel] = message;
    const data = message.subarray(1);
    if (channel === STDIN && stdin !== undefined && !stdin.writableEnded) {
      if (!stdin.write(data)) {
        socket.pause();
        stdin.once('drain', () => socket.resume());
      }
    } else if (channel === CLOSE && data[0] === STDIN) stdin?.end();
    else if (channel === RESIZE) {
      const size = parseSize(data.toString());
      if (size !== undefined) sizes.set(size);
    }
  });
  socket.resume();
  // An empty message says that the streams are up.
  socket.send(frame(options.stdout ? STDOUT : options.stderr ? STDERR : ERROR, Buffer.alloc(0)));
  return {
    ...(stdin === undefined ? {} : { stdin }),
    ...(options.stdout ? { stdout: output(socket, STDOUT) } : {}),
    ...(options.stderr ? { stderr: output(socket, STDERR) } : {}),
    onResize: (callback) => sizes.listen(callback),
    gone,
    finish: (status) => finish(socket, protocol, status),
  };
}

function finish(socket: WebSocket, protocol: string, status: meta.Status): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) return resolve();
    const isOld = protocol === 'channel.k8s.io' || protocol === '';
    const text = isOld ? legacy(status) : JSON.stringify(status);
    socket.send(frame(ERROR, Buffer.from(text)), () => {
      socket.close(1000);
      resolve();
    });
  });
}

/** The first protocol knew only the text of an error. */
function legacy(status: meta.Status): string {
  return status.status === 'Success' ? '' : (status.message ?? '');
}
