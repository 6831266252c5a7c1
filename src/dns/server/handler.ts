import type { Logger } from '#base';
import { type DnsRequest, type Next, type Reply, rcodeReply } from '../plugins/plugin.js';
import { Class, Rcode } from '../wire/constants.js';
import { isBelow, lower, type Name } from '../wire/name.js';
import { parseQuery, type Query } from '../wire/query.js';
import { writeAnswer } from '../wire/writer.js';
import { fitMessage } from './fit-message.js';

/** Where a message came from and how it is answered. */
export interface Transaction {
  message: Buffer;
  protocol: DnsRequest['protocol'];
  remoteAddress: string;
  remotePort: number;
  localAddress: string;
  /** Sends the one reply; never called for messages that are to be ignored. */
  reply(message: Buffer): void;
}

/** A server block: the zones it is responsible for and its chain of plugins. */
export interface ServerBlock {
  zones: Name[];
  serve: Next;
  /** Classes other than IN are served only by blocks with `forward` or `chaos`. */
  anyClass: boolean;
}

export interface HandlerHooks {
  /** After every answered query; durations in seconds. */
  served?(request: DnsRequest, rcode: number, size: number, seconds: number): void;
  panic?(): void;
}

/**
 * From bytes to bytes: parses, finds the server block with the longest matching zone, runs its chain and
 * writes exactly one reply per query, whatever a plugin does.
 */
export class Handler {
  readonly #blocks: ServerBlock[];
  readonly #logger: Logger;
  readonly #hooks: HandlerHooks;

  constructor(blocks: ServerBlock[], logger: Logger, hooks: HandlerHooks = {}) {
    this.#blocks = blocks;
    this.#logger = logger;
    this.#hooks = hooks;
  }

  handle(transaction: Transaction): void {
    const parsed = parseQuery(transaction.message);
    if (parsed.kind === 'ignore') return;
    if (parsed.kind === 'refuse') return transaction.reply(parsed.reply);
    const started = process.hrtime.bigint();
    const { query } = parsed;
    const labels = query.labels.map(lower);
    const { block, zone } = this.#route(labels);
    const request: DnsRequest = {
      query,
      labels,
      protocol: transaction.protocol,
      remoteAddress: transaction.remoteAddress,
      remotePort: transaction.remotePort,
      localAddress: transaction.localAddress,
      zone,
    };
    const finish = (reply: Reply) => this.#finish(transaction, request, reply, started);
    try {
      const reply = this.#serve(query, block, request);
      if (reply instanceof Promise) reply.then(finish, (error) => finish(this.#failed(request, error)));
      else finish(reply);
    } catch (error) {
      finish(this.#failed(request, error));
    }
  }

  #route(labels: Name): { block: ServerBlock | undefined; zone: string } {
    let best: { block: ServerBlock; zone: Name } | undefined;
    for (const block of this.#blocks) {
      for (const zone of block.zones) {
        if (isBelow(labels, zone) && (best === undefined || zone.length > best.zone.length))
          best = { block, zone };
      }
    }
    return { block: best?.block, zone: best === undefined ? 'dropped' : `${best.zone.join('.')}.` };
  }

  #serve(query: Query, block: ServerBlock | undefined, request: DnsRequest): Reply | Promise<Reply> {
    if (query.edns !== undefined && query.edns.version !== 0) return rcodeReply(Rcode.BADVERS);
    if (block === undefined || (query.class !== Class.IN && !block.anyClass))
      return rcodeReply(Rcode.REFUSED);
    return block.serve(request);
  }

  #failed(request: DnsRequest, error: unknown): Reply {
    this.#hooks.panic?.();
    this.#logger.error('query failed', {
      name: request.labels.join('.'),
      type: request.query.type,
      err: error,
    });
    return rcodeReply(Rcode.SERVFAIL);
  }

  #finish(transaction: Transaction, request: DnsRequest, reply: Reply, started: bigint): void {
    const limit = messageLimit(request);
    let message: Buffer;
    try {
      message =
        reply.kind === 'answer'
          ? writeAnswer(request.query, reply.answer, limit)
          : fitMessage(reply.message, request.query, limit);
    } catch (error) {
      const failed = this.#failed(request, error);
      message = writeAnswer(request.query, (failed as Extract<Reply, { kind: 'answer' }>).answer, limit);
    }
    transaction.reply(message);
    const rcode = message[3]! & 0xf;
    this.#hooks.served?.(request, rcode, message.length, Number(process.hrtime.bigint() - started) / 1e9);
  }
}

/** 512 without EDNS, the client's size (at least 512) with it; streams carry 64 KiB. */
function messageLimit(request: DnsRequest): number {
  if (request.protocol !== 'udp') return 65_535;
  return Math.max(512, request.query.edns?.udpSize ?? 512);
}
