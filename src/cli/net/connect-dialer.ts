import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { EgressDialer } from '#apiserver';

/** The cluster's network could not be reached, or the target refused. */
export class DialError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DialError';
  }
}

/**
 * Dials through HTTP CONNECT proxies on unix sockets (`connect-proxy.ts`, or upstream's konnectivity in
 * http-connect mode); tries the next socket when one cannot be reached.
 */
export function createConnectDialer(sockets: () => string[]): EgressDialer & {
  dialUdp(host: string, port: number): Promise<Duplex>;
} {
  const dial = async (host: string, port: number, headers: Record<string, string>, signal?: AbortSignal) => {
    let last: Error = new DialError('no way into the cluster network: no node is running');
    for (const path of sockets()) {
      try {
        return await dialOne(path, host, port, headers, signal);
      } catch (error) {
        last = error as Error;
        if (!(error instanceof ProxyUnreachable)) throw error;
      }
    }
    throw last;
  };
  return {
    dial: (host, port, signal) => dial(host, port, {}, signal),
    dialUdp: (host, port) => dial(host, port, { 'kubesvc-protocol': 'udp' }),
  };
}

class ProxyUnreachable extends DialError {}

function dialOne(
  socketPath: string,
  host: string,
  port: number,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const outgoing = request({
      socketPath,
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...headers },
      agent: false,
      ...(signal === undefined ? {} : { signal }),
    });
    outgoing.once('error', (error) =>
      reject(new ProxyUnreachable(`${socketPath}: ${error.message}`, { cause: error })),
    );
    outgoing.once('connect', (response, socket: Socket, head: Buffer) => {
      if (response.statusCode === 200) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(new DialError(`dial ${authority}: ${response.headers['x-error'] ?? response.statusCode}`));
    });
    outgoing.end();
  });
}

/** Dials directly: for an API server whose machine is on the cluster's network. */
export const directDialer: EgressDialer = {
  dial: (host, port, signal) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host, port, ...(signal === undefined ? {} : { signal }) });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(socket);
      });
    }),
};
