import { createSocket } from 'node:dgram';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, isIPv6, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger, Startable } from '#base';
import { DatagramFramer } from './datagram-framer.js';
import { listenUnix } from './listen.js';
import { join } from './pipe.js';

const CONNECT_TIMEOUT_MS = 10_000;
const UDP_IDLE_MS = 60_000;

/**
 * HTTP CONNECT on a unix socket (mode 0600), from inside a node's network to whatever that network reaches:
 * what upstream's egress selector calls a UDS http-connect proxy. `kubesvc-protocol: udp` tunnels
 * length-prefixed datagrams instead of a byte stream.
 */
export function createConnectProxy(options: { socketPath: string; logger: Logger }): Startable {
  const open = new Set<Duplex>();
  const server = createServer((_request, response) => {
    response.writeHead(405).end('only CONNECT is served here\n');
  });
  const track = <S extends Duplex>(stream: S): S => {
    open.add(stream);
    stream.once('close', () => open.delete(stream));
    return stream;
  };
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    track(client);
    client.on('error', () => {});
    const target = parseAuthority(request.url ?? '');
    if (target === undefined) return void client.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    if (request.headers['kubesvc-protocol'] === 'udp') tunnelDatagrams(client, head, target);
    else tunnelStream(client, head, target, track);
  });
  server.on('clientError', (error, socket) => {
    options.logger.debug('bad CONNECT request', { err: error });
    socket.destroy();
  });
  return {
    start: () => listenUnix(server, options.socketPath),
    async stop() {
      for (const stream of open) stream.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface Target {
  host: string;
  port: number;
}

function parseAuthority(authority: string): Target | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(authority);
  const port = Number(match?.[3]);
  if (match === null || port === 0 || port > 65535) return undefined;
  return { host: match[1] ?? match[2]!, port };
}

function tunnelStream(client: Duplex, head: Buffer, target: Target, track: (s: Socket) => Socket): void {
  const upstream = track(connect({ ...target, timeout: CONNECT_TIMEOUT_MS, allowHalfOpen: true }));
  const refuse = (error: Error) => {
    client.end(
      `HTTP/1.1 503 Service Unavailable\r\nx-error: ${error.message.replace(/[^\x20-\x7e]/g, ' ')}\r\n\r\n`,
    );
    upstream.destroy();
  };
  upstream.once('error', refuse);
  upstream.once('timeout', () => refuse(new Error('connect timed out')));
  upstream.once('connect', () => {
    upstream.off('error', refuse);
    upstream.setTimeout(0);
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    if (head.length > 0) upstream.write(head);
    join(client, upstream);
  });
}

function tunnelDatagrams(client: Duplex, head: Buffer, target: Target): void {
  const socket = createSocket(isIPv6(target.host) ? 'udp6' : 'udp4');
  const framer = new DatagramFramer((datagram) => socket.send(datagram));
  const end = () => {
    clearTimeout(idle);
    client.destroy();
    socket.close();
  };
  const idle = setTimeout(end, UDP_IDLE_MS);
  idle.unref();
  socket.on('error', () => client.destroy());
  client.once('close', () => {
    clearTimeout(idle);
    socket.close();
  });
  client.on('data', (chunk: Buffer) => {
    idle.refresh();
    framer.push(chunk);
  });
  socket.on('message', (message) => {
    idle.refresh();
    // A slow reader loses datagrams, as on any network.
    if (client.writableLength < 1024 * 1024) client.write(DatagramFramer.frame(message));
  });
  client.pause();
  socket.connect(target.port, target.host, () => {
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    if (head.length > 0) framer.push(head);
    client.resume();
  });
}
