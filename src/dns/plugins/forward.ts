import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Logger } from '#base';
import { Flag, Rcode, Type } from '../wire/constants.js';
import { encodeQuestion, isBelow, type Name, readName } from '../wire/name.js';
import type { Query } from '../wire/query.js';
import { type DnsRequest, type Plugin, type Reply, rcodeReply } from './plugin.js';

export interface Upstream {
  host: string;
  port: number;
}

export interface ForwardOptions {
  /** Zone this plugin answers for; the root for `forward .`. */
  zone: Name;
  upstreams: Upstream[];
  policy: 'random' | 'round_robin' | 'sequential';
  except: Name[];
  forceTcp: boolean;
  preferUdp: boolean;
  maxFails: number;
  /** Concurrent queries; 0 is no limit. Beyond, REFUSED. */
  maxConcurrent: number;
  /** SERVFAIL at once when every upstream is down, instead of trying one anyway. */
  failfastAllUnhealthy: boolean;
  healthCheckMs: number;
}

const READ_TIMEOUT_MS = 2_000;
const TOTAL_TIMEOUT_MS = 5_000;
const EDNS_SIZE = 1232;

/** How an exchange failed; the next upstream is tried. */
class ExchangeError extends Error {}

/**
 * Passes questions to upstream resolvers (CoreDNS plugin/forward): a fresh random id and source port per
 * query, the answer checked against id, question and source; truncated UDP answers are asked again over TCP when the
 * client came over a stream. An upstream that fails is probed until it answers again.
 */
export function createForward(options: ForwardOptions, logger: Logger): Plugin {
  const proxies = options.upstreams.map((upstream) => new UpstreamState(upstream, options, logger));
  let turn = 0;
  let running = 0;

  const order = (): UpstreamState[] => {
    const healthy = proxies.filter((p) => !p.isDown);
    const pool = healthy.length > 0 ? healthy : options.failfastAllUnhealthy ? [] : [...proxies];
    if (options.policy === 'sequential' || pool.length < 2) return pool;
    const first = options.policy === 'round_robin' ? turn++ % pool.length : randomInt(pool.length);
    return [...pool.slice(first), ...pool.slice(0, first)];
  };

  const attempt = async (request: DnsRequest): Promise<Reply> => {
    const deadline = Date.now() + TOTAL_TIMEOUT_MS;
    const candidates = order();
    let last: unknown;
    for (let i = 0; i < 2 * candidates.length && Date.now() < deadline; i++) {
      const proxy = candidates[i % candidates.length]!;
      try {
        return { kind: 'message', message: await proxy.exchange(request) };
      } catch (error) {
        last = error;
        proxy.failed();
      }
    }
    if (last !== undefined)
      logger.debug('upstreams did not answer', { name: request.labels.join('.'), err: last });
    return rcodeReply(Rcode.SERVFAIL);
  };

  return {
    name: 'forward',
    handle(request, next) {
      if (
        !isBelow(request.labels, options.zone) ||
        options.except.some((zone) => isBelow(request.labels, zone))
      )
        return next(request);
      if (options.maxConcurrent > 0 && running >= options.maxConcurrent) return rcodeReply(Rcode.REFUSED);
      running++;
      return attempt(request).finally(() => {
        running--;
      });
    },
    async stop() {
      for (const proxy of proxies) proxy.stop();
    },
  };
}

class UpstreamState {
  readonly #upstream: Upstream;
  readonly #options: ForwardOptions;
  readonly #logger: Logger;
  #fails = 0;
  #probe: NodeJS.Timeout | undefined;

  constructor(upstream: Upstream, options: ForwardOptions, logger: Logger) {
    this.#upstream = upstream;
    this.#options = options;
    this.#logger = logger;
  }

  get isDown(): boolean {
    return this.#options.maxFails > 0 && this.#fails >= this.#options.maxFails;
  }

  async exchange(request: DnsRequest): Promise<Buffer> {
    const { query } = request;
    const stream = this.#options.forceTcp || (request.protocol !== 'udp' && !this.#options.preferUdp);
    if (stream) return exchangeTcp(this.#upstream, query);
    const answer = await exchangeUdp(this.#upstream, query);
    const truncated = (answer.readUInt16BE(2) & Flag.TC) !== 0;
    return truncated && request.protocol !== 'udp' ? exchangeTcp(this.#upstream, query) : answer;
  }

  /** Starts probing; any answer makes the upstream healthy again. */
  failed(): void {
    this.#fails++;
    if (this.#probe !== undefined) return;
    const { host, port } = this.#upstream;
    if (this.#fails === this.#options.maxFails)
      this.#logger.warn('upstream is down', { upstream: `${host}:${port}` });
    const again = () => {
      this.#probe = setTimeout(() => void this.#check(again), this.#options.healthCheckMs);
      this.#probe.unref();
    };
    again();
  }

  async #check(again: () => void): Promise<void> {
    try {
      await exchangeUdp(this.#upstream, probeQuery());
      this.#fails = 0;
      this.#probe = undefined;
    } catch {
      this.#fails++;
      if (this.#probe !== undefined) again();
    }
  }

  stop(): void {
    clearTimeout(this.#probe);
    this.#probe = undefined;
  }
}

function probeQuery(): Query {
  return {
    id: 0,
    flags: Flag.RD,
    opcode: 0,
    labels: [],
    type: Type.NS,
    class: 1,
    question: encodeQuestion([], Type.NS, 1),
  };
}

/** A query of our own with the client's question: new id, RD and CD kept, our EDNS size when the client had EDNS. */
function outgoing(query: Query, id: number): Buffer {
  const opt = query.edns === undefined ? Buffer.alloc(0) : Buffer.alloc(11);
  if (query.edns !== undefined) {
    opt.writeUInt16BE(Type.OPT, 1);
    opt.writeUInt16BE(EDNS_SIZE, 3);
    opt[7] = query.edns.do ? 0x80 : 0;
  }
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(query.flags & (Flag.RD | Flag.CD | Flag.AD), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(opt.length > 0 ? 1 : 0, 10);
  return Buffer.concat([header, query.question, opt]);
}

/** The answer is to this query: id, QR and the question, whatever its case. */
function answers(message: Buffer, query: Query, id: number): boolean {
  if (message.length < 12 || message.readUInt16BE(0) !== id || (message[2]! & 0x80) === 0) return false;
  const name = readName(message, 12);
  if (name === undefined || message.readUInt16BE(4) !== 1 || name.end + 4 > message.length) return false;
  const asked = query.question;
  const got = message.subarray(12, name.end + 4);
  return (
    got.length === asked.length &&
    got.toString('latin1').toLowerCase() === asked.toString('latin1').toLowerCase()
  );
}

function exchangeUdp(upstream: Upstream, query: Query): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(upstream.host) ? 'udp6' : 'udp4');
    const id = randomInt(65_536);
    const timer = setTimeout(() => finish(new ExchangeError('timed out')), READ_TIMEOUT_MS);
    const finish = (result: Error | Buffer) => {
      clearTimeout(timer);
      socket.close();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    socket.once('error', (error) => finish(error));
    // Connected: only the upstream's own datagrams arrive, and refusals are errors.
    socket.connect(upstream.port, upstream.host, () => socket.send(outgoing(query, id)));
    socket.on('message', (message) => {
      if (answers(message, query, id)) finish(message);
    });
  });
}

function exchangeTcp(upstream: Upstream, query: Query): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const id = randomInt(65_536);
    const socket = connect(upstream.port, upstream.host);
    let received = Buffer.alloc(0);
    const finish = (result: Error | Buffer) => {
      clearTimeout(timer);
      socket.destroy();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    const timer = setTimeout(() => finish(new ExchangeError('timed out')), READ_TIMEOUT_MS);
    socket.once('error', finish);
    socket.once('close', () => finish(new ExchangeError('connection closed')));
    socket.once('connect', () => {
      const message = outgoing(query, id);
      const header = Buffer.alloc(2);
      header.writeUInt16BE(message.length);
      socket.write(Buffer.concat([header, message]));
    });
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const message = received.subarray(2, 2 + received.readUInt16BE(0));
      finish(answers(message, query, id) ? message : new ExchangeError('the answer is to another question'));
    });
  });
}
