import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Startable } from '#base';
import { listen } from './listen.js';
import { join } from './pipe.js';

const MAX_CONNECTIONS = 4096;

/**
 * Makes the API server reachable inside a node's network: bytes from `host:port` go to the API server's unix
 * socket. TLS passes through, so that clients authenticate to the API server itself.
 */
export function createApiRelay(options: { host: string; port: number; socketPath: string }): Startable {
  const open = new Set<Socket>();
  let server: Server | undefined;
  return {
    async start() {
      server = createServer({ allowHalfOpen: true }, (client) => {
        const upstream = connect({ path: options.socketPath, allowHalfOpen: true });
        for (const socket of [client, upstream]) {
          open.add(socket);
          socket.once('close', () => open.delete(socket));
        }
        join(client, upstream);
      });
      server.maxConnections = MAX_CONNECTIONS;
      await listen(server, { host: options.host, port: options.port });
    },
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) =>
        server === undefined ? resolve() : server.close(() => resolve()),
      );
    },
  };
}
