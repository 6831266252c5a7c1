import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import packet from 'dns-packet';

export type Transport = 'udp' | 'tcp';
/** The answers to a query, in order; none is silence. */
export type Behaviour = (query: packet.DecodedPacket, message: Buffer, transport: Transport) => Buffer[];

/** An answer to a query: one A record, or a code without any. */
export function answer(
  query: packet.DecodedPacket,
  { ip = '192.0.2.1', rcode = 0, flags = 0 }: { ip?: string; rcode?: number; flags?: number } = {},
): Buffer {
  const questions = query.questions ?? [];
  const name = questions[0]?.name ?? '.';
  return packet.encode({
    type: 'response',
    id: query.id ?? 0,
    flags: packet.RECURSION_AVAILABLE | flags | rcode,
    questions,
    answers: rcode === 0 ? [{ type: 'A', name, ttl: 60, data: ip }] : [],
  });
}

/** A resolver on loopback that does as it is told, over UDP and TCP (TLS with a certificate) on one port. */
export class FakeUpstream {
  /** `transport name` of every query, health probes left out. */
  readonly asked: string[] = [];
  probes = 0;
  connections = 0;
  behaviour: Behaviour;
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;
  readonly #sockets = new Set<Socket>();
  #port = 0;
  readonly #tls: { cert: string; key: string } | undefined;

  constructor(behaviour: Behaviour = (query) => [answer(query)], tls?: { cert: string; key: string }) {
    this.behaviour = behaviour;
    this.#tls = tls;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Listens, on the port of the last time when there was one. */
  async start(): Promise<this> {
    const udp = createSocket('udp4');
    await new Promise<void>((resolve) => udp.bind(this.#port, '127.0.0.1', resolve));
    this.#port = udp.address().port;
    udp.on('message', (message, from) => this.#datagram(udp, message, from));
    const serve = (socket: Socket) => this.#stream(socket);
    const tcp = this.#tls === undefined ? createServer(serve) : createTlsServer(this.#tls, serve);
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject);
      tcp.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#udp = udp;
    this.#tcp = tcp;
    return this;
  }

  async stop(): Promise<void> {
    this.disconnect();
    const [udp, tcp] = [this.#udp, this.#tcp];
    this.#udp = undefined;
    this.#tcp = undefined;
    udp?.close();
    await new Promise<void>((resolve) => (tcp === undefined ? resolve() : tcp.close(() => resolve())));
  }

  /** Ends the connections, not the server. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #answers(message: Buffer, transport: Transport): Buffer[] {
    const query = packet.decode(message);
    const { name = '.', type } = query.questions![0]!;
    if (type === 'NS' && (name === '.' || name === '')) this.probes++;
    else this.asked.push(`${transport} ${name}`);
    return this.behaviour(query, message, transport);
  }

  #datagram(socket: UdpSocket, message: Buffer, from: RemoteInfo): void {
    for (const bytes of this.#answers(message, 'udp')) socket.send(bytes, from.port, from.address);
  }

  #stream(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const end = 2 + rest.readUInt16BE(0);
        for (const bytes of this.#answers(rest.subarray(2, end), 'tcp'))
          socket.write(Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]));
        rest = rest.subarray(end);
      }
    });
  }
}
