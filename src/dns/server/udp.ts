import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Logger, Startable } from '#base';
import type { Handler } from './handler.js';

const RECEIVE_BUFFER = 4 * 1024 * 1024;

/**
 * UDP on one address. Replies leave from the address that was asked because every socket is bound to exactly
 * one; bind each address of a multi-homed host.
 */
export function createUdpServer(options: {
  address: string;
  port: number;
  handler: () => Handler;
  logger: Logger;
}): Startable {
  const { address, port, handler, logger } = options;
  const type = isIPv6(address) ? 'udp6' : 'udp4';
  let socket: Socket | undefined;
  return {
    start() {
      // A synchronous lookup: dgram otherwise resolves even literal addresses on every send.
      const made = createSocket({
        type,
        lookup: (host, _o, done) => done(null, host, type === 'udp6' ? 6 : 4),
        ipv6Only: type === 'udp6',
      });
      socket = made;
      made.on('message', (message, from) => {
        handler().handle({
          message,
          protocol: 'udp',
          remoteAddress: from.address,
          remotePort: from.port,
          localAddress: address,
          reply: (bytes) => made.send(bytes, from.port, from.address, ignore),
        });
      });
      return new Promise((resolve, reject) => {
        made.once('error', reject);
        made.bind({ address, port, exclusive: true }, () => {
          made.off('error', reject);
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

/** An unreachable client is the client's problem. */
function ignore(): void {}

function enlarge(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // The system's limit stands.
  }
}
