import type { Name } from '../wire/name.js';
import type { Query } from '../wire/query.js';
import type { Answer } from '../wire/record.js';

/** One question on its way through a server block's plugins. Plugins that rewrite pass a changed copy on. */
export interface DnsRequest {
  query: Query;
  /** The question's name in lower case. */
  labels: Name;
  protocol: 'udp' | 'tcp' | 'tls' | 'https';
  remoteAddress: string;
  remotePort: number;
  localAddress: string;
  /** The zone of the server block that took the question, for metrics. */
  zone: string;
}

/**
 * A plugin's reply: sections of ours, or an upstream's whole message (whose id and question are the request's
 * once more when it is sent).
 */
export type Reply = { kind: 'answer'; answer: Answer } | { kind: 'message'; message: Buffer };

export type Next = (request: DnsRequest) => Reply | Promise<Reply>;

/**
 * A link of the chain (CoreDNS plugin.Handler): answers, or passes the question to `next`. Exactly one reply
 * comes back, also for errors: a throwing plugin becomes SERVFAIL at the edge, where it is logged once.
 */
export interface Plugin {
  readonly name: string;
  handle(request: DnsRequest, next: Next): Reply | Promise<Reply>;
  /** Ready to answer; absent means always. Shown by the ready plugin. */
  ready?(): boolean;
  start?(): Promise<void>;
  stop?(): Promise<void>;
}

/** Reply with a code and nothing else. */
export function rcodeReply(rcode: number): Reply {
  return {
    kind: 'answer',
    answer: { rcode, authoritative: false, answers: [], authority: [], additional: [] },
  };
}

/** The first plugin of a chain as a function; a question that no plugin answers is SERVFAIL. */
export function chain(plugins: Plugin[], last: Next): Next {
  return plugins.reduceRight<Next>((next, plugin) => (request) => plugin.handle(request, next), last);
}
