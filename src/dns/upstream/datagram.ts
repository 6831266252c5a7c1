import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Query } from '../wire/query.js';
import { ExchangeError, isAnswerTo, outgoing, type Upstream } from './messages.js';

/** One query over UDP: an id and a source port of its own; the answer is checked against id, question and source. */
export function exchangeUdp(upstream: Upstream, query: Query, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(upstream.host) ? 'udp6' : 'udp4');
    const id = randomInt(65_536);
    let done = false;
    const timer = setTimeout(() => finish(new ExchangeError('i/o timeout')), timeoutMs);
    const finish = (result: Error | Buffer) => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      socket.close();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    // Stays: an error after the answer must not end the process.
    socket.on('error', finish);
    // Connected: only the upstream's own datagrams arrive, and refusals are errors.
    socket.connect(upstream.port, upstream.host, () => socket.send(outgoing(query, id)));
    socket.on('message', (message) => {
      if (isAnswerTo(message, query, id)) finish(message);
    });
  });
}
