import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { Group, type Logger, type Startable } from '#base';
import type { Handler } from './handler.js';
import { WildcardUdp } from './wildcard-udp.js';

const RECEIVE_BUFFER = 4 * 1024 * 1024;
/** What miekg/dns reads of a datagram. */
const MAX_QUERY = 512;

export interface ListenerOptions {
  address: string;
  port: number;
  /** The handler of the current configuration: asked for every message, because a reload replaces it. */
  handler: () => Handler;
  logger: Logger;
}

/** UDP on one address, or on all; replies leave from the address that was asked. */
export function createUdpServer(options: ListenerOptions): Startable {
  const { address, logger } = options;
  if (address !== '0.0.0.0' && address !== '::') return udpSocket(options, false);
  return new Group([
    // Fails when another server has the port: the shared binds after it would not.
    probe(options),
    new WildcardUdp(address, {
      open: (each) => udpSocket({ ...options, address: each }, true),
      failed: (each, error) => logger.error('cannot listen on an address', { address: each, err: error }),
    }),
  ]);
}

function probe(options: ListenerOptions): Startable {
  const socket = udpSocket(options, false);
  return {
    async start() {
      await socket.start();
      await socket.stop();
    },
    async stop() {},
  };
}

function udpSocket({ address, port, handler, logger }: ListenerOptions, shared: boolean): Startable {
  const ipv6 = isIPv6(address);
  let socket: Socket | undefined;
  return {
    start() {
      // A synchronous lookup: dgram otherwise resolves even literal addresses on every send.
      const made = createSocket({
        type: ipv6 ? 'udp6' : 'udp4',
        lookup: (host, _o, done) => done(null, host, ipv6 ? 6 : 4),
        ipv6Only: ipv6,
        reuseAddr: shared,
      });
      socket = made;
      let open = true;
      made.once('close', () => {
        open = false;
      });
      // No callback: an unreachable client is the client's problem, and callbacks cost a microsecond each.
      const send = (bytes: Buffer, toPort: number, to: string) => {
        if (open) made.send(bytes, toPort, to);
      };
      made.on('message', (received, from) => {
        const current = handler();
        const quick = current.quick(received, 'udp', ipv6);
        if (quick !== undefined) return send(quick, from.port, from.address);
        current.handle({
          message: received.length > MAX_QUERY ? received.subarray(0, MAX_QUERY) : received,
          protocol: 'udp',
          remoteAddress: from.address,
          remotePort: from.port,
          localAddress: address,
          reply: (bytes) => send(bytes, from.port, from.address),
        });
      });
      return new Promise((resolve, reject) => {
        const failed = (error: Error) => {
          made.close();
          reject(error);
        };
        made.once('error', failed);
        made.bind({ address, port, exclusive: true }, () => {
          made.off('error', failed);
          made.on('error', (error) => logger.error('UDP socket failed', { address, err: error }));
          enlarge(made);
          resolve();
        });
      });
    },
    async stop() {
      const open = socket;
      socket = undefined;
      await new Promise<void>((resolve) => (open === undefined ? resolve() : open.close(() => resolve())));
    },
  };
}

function enlarge(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // The system's limit stands.
  }
}
