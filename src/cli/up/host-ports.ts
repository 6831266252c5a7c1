import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import type { core } from '#api';
import type { Logger, Startable } from '#base';
import { type InformerFactory, Resources } from '#client';
import type { createConnectDialer } from '../net/connect-dialer.js';
import { DatagramFramer } from '../net/datagram-framer.js';
import { join } from '../net/pipe.js';

const MAX_UDP_CLIENTS = 1024;

type Dialer = ReturnType<typeof createConnectDialer>;
interface Port {
  close(): void;
}

/**
 * Makes every NodePort reachable on the host's 127.0.0.1 under its own number, through a tunnel into a node's
 * network: the host gets no link and no rule. A port that the host already uses is reported and left out.
 */
export function createHostPorts(options: {
  informers: InformerFactory;
  dialer: Dialer;
  /** Address of the node to send to; the first one answers for all, as any node does. */
  nodeIp: string;
  logger: Logger;
}): Startable {
  const services = options.informers.informer(Resources.services);
  const open = new Map<string, Port>();
  let stopListening = () => {};

  const wanted = (service: core.Service): string[] =>
    (service.spec?.ports ?? [])
      .filter((p) => (p.nodePort ?? 0) > 0 && p.protocol !== 'SCTP')
      .map((p) => `${p.protocol ?? 'TCP'}:${p.nodePort}`);

  const sync = () => {
    const all = new Set(services.list().flatMap(wanted));
    for (const [key, port] of open) {
      if (all.has(key)) continue;
      port.close();
      open.delete(key);
    }
    for (const key of all) {
      if (open.has(key)) continue;
      const [protocol, number] = key.split(':');
      const make = protocol === 'UDP' ? openUdp : openTcp;
      open.set(key, make(Number(number), options));
    }
  };

  return {
    async start() {
      stopListening = services.on({ add: sync, update: sync, delete: sync });
    },
    async stop() {
      stopListening();
      for (const port of open.values()) port.close();
      open.clear();
    },
  };
}

interface PortOptions {
  dialer: Dialer;
  nodeIp: string;
  logger: Logger;
}

function openTcp(port: number, { dialer, nodeIp, logger }: PortOptions): Port {
  const sockets = new Set<Duplex>();
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    sockets.add(client);
    client.once('close', () => sockets.delete(client));
    client.on('error', () => {});
    dialer.dial(nodeIp, port).then(
      (upstream) => {
        join(client, upstream);
        client.resume();
      },
      (error) => {
        logger.debug('node port refused', { port, err: error });
        client.resetAndDestroy();
      },
    );
  });
  server.on('error', (error) => logger.warn('cannot offer a node port on 127.0.0.1', { port, err: error }));
  server.listen(port, '127.0.0.1');
  return {
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function openUdp(port: number, { dialer, nodeIp, logger }: PortOptions): Port {
  const clients = new Map<string, Promise<Duplex>>();
  const socket: UdpSocket = createSocket('udp4');
  socket.on('error', (error) => logger.warn('cannot offer a node port on 127.0.0.1', { port, err: error }));
  socket.on('message', (message, from) => {
    const key = `${from.address}:${from.port}`;
    let tunnel = clients.get(key);
    if (tunnel === undefined) {
      if (clients.size >= MAX_UDP_CLIENTS) return;
      tunnel = dialer.dialUdp(nodeIp, port).then((stream) => {
        const framer = new DatagramFramer((d) => socket.send(d, from.port, from.address));
        stream.on('data', (chunk: Buffer) => framer.push(chunk));
        stream.on('error', () => {});
        stream.once('close', () => clients.delete(key));
        return stream;
      });
      tunnel.catch(() => clients.delete(key));
      clients.set(key, tunnel);
    }
    tunnel.then(
      (stream) => stream.write(DatagramFramer.frame(message)),
      (error) => logger.debug('node port refused', { port, err: error }),
    );
  });
  socket.bind(port, '127.0.0.1');
  return {
    close() {
      for (const tunnel of clients.values()) tunnel.then((s) => s.destroy()).catch(() => {});
      try {
        socket.close();
      } catch {
        // Never bound.
      }
    },
  };
}
