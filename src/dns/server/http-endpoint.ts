import { createServer, type Server } from 'node:http';
import type { Startable } from '#base';
import type { HttpHandler } from '../plugins/setup-context.js';

/** A plain HTTP endpoint (`host:port`, an absent host is all addresses) whose paths may change while it runs. */
export function createHttpEndpoint(
  address: string,
  paths: () => Map<string, HttpHandler> | undefined,
): Startable {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(address.slice(colon + 1));
  const server: Server = createServer((request, response) => {
    const handler = paths()?.get((request.url ?? '/').split('?')[0] ?? '/');
    if (handler === undefined) response.writeHead(404).end();
    else handler(request, response);
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, ...(host === '' ? [] : [host]), () => {
          server.off('error', reject);
          resolve();
        });
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
