import { randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';

/** A masked binary frame, as clients send them. */
function clientFrame(payload: Buffer): Buffer {
  const head =
    payload.length < 126
      ? Buffer.from([0x82, 0x80 | payload.length])
      : Buffer.from([0x82, 0x80 | 126, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

/** Cuts whole frames off the front; returns their payloads and what is left. Frames of 64 KiB and more are not read. */
function serverFrames(bytes: Buffer): { payloads: Buffer[]; rest: Buffer } {
  const payloads: Buffer[] = [];
  let rest = bytes;
  while (rest.length >= 2) {
    const short = rest[1]! & 127;
    const start = short === 126 ? 4 : 2;
    if (rest.length < start) break;
    const length = short === 126 ? rest.readUInt16BE(2) : short;
    if (rest.length < start + length) break;
    if ((rest[0]! & 15) === 2) payloads.push(rest.subarray(start, start + length));
    rest = rest.subarray(start + length);
  }
  return { payloads, rest };
}

/**
 * A WebSocket client that takes any subprotocol (the library refuses a slash, which Kubernetes' tunnel has).
 * Resolves with the bytes inside the binary messages; rejects with the head of any other answer than 101.
 */
export function openTunnel(socket: Duplex, path: string, protocol: string): Promise<Duplex> {
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: node\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
  );
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('data', (head: Buffer) => {
      const text = head.toString();
      if (!text.startsWith('HTTP/1.1 101') || !text.includes(`Sec-WebSocket-Protocol: ${protocol}`))
        return reject(new Error(text));
      let rest: Buffer = Buffer.alloc(0);
      const tunnel = new Duplex({
        read() {},
        write: (chunk: Buffer, _encoding, done) => void socket.write(clientFrame(chunk), () => done()),
        destroy: (error, done) => {
          socket.destroy();
          done(error);
        },
      });
      socket.on('data', (chunk: Buffer) => {
        const frames = serverFrames(Buffer.concat([rest, chunk]));
        rest = frames.rest;
        for (const payload of frames.payloads) tunnel.push(payload);
      });
      resolve(tunnel);
    });
  });
}
