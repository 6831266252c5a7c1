import { isIPv6 } from 'node:net';
import type { Logger } from '#base';
import type { ServerStats, ZoneStats } from '../metrics/server-stats.js';
import { type DnsRequest, type Next, type Protocol, type Reply, rcodeReply } from '../plugins/plugin.js';
import { Class, Rcode } from '../wire/constants.js';
import { isBelow, lower, type Name } from '../wire/name.js';
import { parseQuery, type Query } from '../wire/query.js';
import type { Answer } from '../wire/record.js';
import { writeAnswer } from '../wire/writer.js';
import { AnswerCache, OPT_SIZE } from './answer-cache.js';
import { fitMessage } from './fit-message.js';

/** Where a message came from and how it is answered. */
export interface Transaction {
  message: Buffer;
  protocol: Protocol;
  remoteAddress: string;
  remotePort: number;
  localAddress: string;
  /** Sends a reply: one per query, more only for zone transfers; never called for messages that are to be ignored. */
  reply(message: Buffer): void;
}

/** A server block: the zones it is responsible for and its chain of plugins. */
export interface ServerBlock {
  zones: Name[];
  serve: Next;
  /** Classes other than IN are served only by blocks with `forward` or `chaos`. */
  anyClass: boolean;
  /** Addresses of one answer change places (the loadbalance plugin). */
  rotate: boolean;
  /** Count queries (the prometheus plugin). */
  stats?: ServerStats;
  /** Upper bound of the EDNS size that is believed (the bufsize plugin). */
  bufferSize?: number;
  /** Serial of the cluster's zones. */
  serial?: () => number;
}

/** A zone of a block as this listener serves it. */
interface Route {
  block: ServerBlock;
  zone: Name;
  zoneText: string;
  stats: ZoneStats | undefined;
  rotate: boolean;
  bufferSize?: number;
  serial?: () => number;
}

/**
 * From bytes to bytes: parses, finds the server block with the longest matching zone, runs its chain and
 * writes exactly one reply per query, whatever a plugin does. Replies made of cluster state alone are kept and patched.
 */
export class Handler {
  readonly #routes: Route[] = [];
  readonly #logger: Logger;
  readonly #stats: ServerStats | undefined;
  readonly answers = new AnswerCache<Route>();

  /** `server` is the listener's name in metrics (`dns://:53`). */
  constructor(blocks: ServerBlock[], logger: Logger, server = 'dns://:53') {
    this.#logger = logger;
    for (const block of blocks) {
      for (const zone of block.zones) {
        const zoneText = `${zone.join('.')}.`;
        const stats = block.stats?.zone(server, zoneText);
        const { rotate, bufferSize, serial } = block;
        this.#routes.push({
          block,
          zone,
          zoneText,
          stats,
          rotate,
          ...(bufferSize === undefined ? {} : { bufferSize }),
          ...(serial === undefined ? {} : { serial }),
        });
      }
    }
    this.#routes.sort((a, b) => b.zone.length - a.zone.length);
    this.#stats = blocks.find((b) => b.stats !== undefined)?.stats;
  }

  /** The kept reply to this message, or undefined when `handle` must answer it. */
  quick(message: Buffer, protocol: Protocol, ipv6: boolean): Buffer | undefined {
    const started = performance.now();
    const hit = this.answers.lookup(message, protocol !== 'udp');
    if (hit === undefined) return undefined;
    hit.context.stats?.observe({
      type: hit.type,
      protocol,
      ipv6,
      do: hit.do,
      requestSize: message.length,
      responseSize: hit.reply.length,
      rcode: hit.rcode,
      by: 'kubernetes',
      seconds: (performance.now() - started) / 1000,
    });
    return hit.reply;
  }

  handle(transaction: Transaction): void {
    const parsed = parseQuery(transaction.message);
    if (parsed.kind === 'ignore') return;
    if (parsed.kind === 'refuse') return transaction.reply(parsed.reply);
    const started = performance.now();
    const { query } = parsed;
    const labels = query.labels.map(lower);
    const route = this.#routes.find((r) => isBelow(labels, r.zone));
    const request: DnsRequest = {
      query,
      labels,
      protocol: transaction.protocol,
      remoteAddress: transaction.remoteAddress,
      remotePort: transaction.remotePort,
      localAddress: transaction.localAddress,
      size: transaction.message.length,
      zone: route?.zoneText ?? 'dropped',
      onSent: [],
      depth: 0,
    };
    const finish = (reply: Reply) => this.#finish(transaction, request, reply, route, started);
    try {
      const reply = this.#serve(query, route?.block, request);
      if (reply instanceof Promise) reply.then(finish, (error) => finish(this.#failed(request, error)));
      else finish(reply);
    } catch (error) {
      finish(this.#failed(request, error));
    }
  }

  #serve(query: Query, block: ServerBlock | undefined, request: DnsRequest): Reply | Promise<Reply> {
    if (query.edns !== undefined && query.edns.version !== 0) return rcodeReply(Rcode.BADVERS);
    if (block === undefined || (query.class !== Class.IN && !block.anyClass))
      return rcodeReply(Rcode.REFUSED);
    return block.serve(request);
  }

  #failed(request: DnsRequest, error: unknown): Reply {
    if (this.#stats !== undefined) this.#stats.panics++;
    this.#logger.error('query failed', {
      name: request.labels.join('.'),
      type: request.query.type,
      err: error,
    });
    return rcodeReply(Rcode.SERVFAIL);
  }

  #finish(
    transaction: Transaction,
    request: DnsRequest,
    reply: Reply,
    route: Route | undefined,
    started: number,
  ): void {
    let message: Buffer;
    try {
      message = this.#write(request, reply, route);
    } catch (error) {
      message = this.#write(request, this.#failed(request, error), route);
    }
    transaction.reply(message);
    for (const answer of reply.more ?? []) transaction.reply(writeAnswer(request.query, answer, 65_535));
    const rcode = message[3]! & 0xf;
    const seconds = (performance.now() - started) / 1000;
    route?.stats?.observe({
      type: request.query.type,
      protocol: request.protocol,
      ipv6: isIPv6(request.remoteAddress),
      do: request.query.edns?.do === true,
      requestSize: request.size,
      responseSize: message.length,
      rcode,
      by: reply.by ?? '',
      seconds,
    });
    for (const sent of request.onSent) sent({ message, rcode, seconds });
  }

  #write(request: DnsRequest, reply: Reply, route: Route | undefined): Buffer {
    const { query } = request;
    const limit = messageLimit(request, route?.bufferSize);
    if (reply.kind === 'message') return fitMessage(reply.message, query, limit);
    if (reply.tag !== undefined && route !== undefined)
      this.#keep(query, reply.answer, reply.tag, route, limit);
    return writeAnswer(query, reply.answer, limit);
  }

  /** Keeps the whole reply, and the one that was cut for this client when many others will get the same. */
  #keep(query: Query, answer: Answer, tag: string, route: Route, limit: number): void {
    const { edns, ...plain } = query;
    const whole = writeAnswer(plain, answer, 65_535);
    this.answers.store(whole, tag, route);
    const room = limit - (edns === undefined ? 0 : OPT_SIZE);
    if (whole.length <= room || !AnswerCache.isKeptSize(limit, edns !== undefined)) return;
    this.answers.store(writeAnswer(plain, answer, room), tag, route, limit);
  }
}

/** 512 without EDNS, the client's size (at least 512) with it; streams carry 64 KiB. */
function messageLimit(request: DnsRequest, ceiling = 65_535): number {
  if (request.protocol !== 'udp') return 65_535;
  return Math.min(ceiling, Math.max(512, request.query.edns?.udpSize ?? 512));
}
