import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { isIPv6 } from 'node:net';

/** Splits `address:port`, `[v6]:port`; undefined when malformed. */
export function parseHostPort(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535) return undefined;
  return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) };
}

/**
 * Listens on one address. Idle keep-alive connections end with the server. IPv6 wildcard listeners take only
 * IPv6, since IPv4 has listeners of its own.
 */
export async function listen(handler: RequestListener, host: string, port: number): Promise<HttpListener> {
  const server = createServer(
    { keepAliveTimeout: 5_000, requestTimeout: 10_000, headersTimeout: 10_000 },
    handler,
  );
  server.listen({ host: host === '' ? '0.0.0.0' : host, port, ipv6Only: isIPv6(host) });
  await once(server, 'listening');
  return new HttpListener(server);
}

export class HttpListener {
  readonly #server: Server;
  constructor(server: Server) {
    this.#server = server;
  }
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
