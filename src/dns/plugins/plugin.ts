import type { Name } from '../wire/name.js';
import type { Query } from '../wire/query.js';
import type { Answer } from '../wire/record.js';

export type Protocol = 'udp' | 'tcp' | 'tls' | 'https';

/** What became of a query, after its reply has been handed to the socket. Durations are in seconds. */
export interface Sent {
  message: Buffer;
  rcode: number;
  seconds: number;
}

/** One question on its way through a server block's plugins. Plugins that rewrite pass a changed copy on. */
export interface DnsRequest {
  query: Query;
  /** The question's name in lower case. */
  labels: Name;
  protocol: Protocol;
  remoteAddress: string;
  remotePort: number;
  localAddress: string;
  /** Bytes of the query. */
  size: number;
  /** The zone of the server block that took the question, for metrics. */
  zone: string;
  /** Called when the reply has been sent; shared by all copies of the request. */
  onSent: ((sent: Sent) => void)[];
  /** How many times the server has asked itself to follow an alias. */
  depth: number;
}

/**
 * A plugin's reply: sections of ours, or an upstream's whole message (whose id and question are the request's
 * once more when it is sent).
 */
export type Reply = ({ kind: 'answer'; answer: Answer } | { kind: 'message'; message: Buffer }) & {
  /** The plugin that answered, for metrics. */
  by?: string;
  /**
   * The reply follows from cluster state alone, whoever asks, and may be kept until the tag is invalidated: `namespace/service`,
   * or `*` for what any change may touch. A plugin that changes a reply or looks at the client must drop the tag.
   */
  tag?: string;
  /** Why the answer is a failure: what the errors plugin logs. */
  error?: string;
  /** Messages that follow this one on a stream (zone transfer). */
  more?: Answer[];
};

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
export function rcodeReply(rcode: number, by?: string): Reply {
  return {
    kind: 'answer',
    answer: { rcode, authoritative: false, answers: [], authority: [], additional: [] },
    ...(by === undefined ? {} : { by }),
  };
}

/** The first plugin of a chain as a function; a question that no plugin answers is SERVFAIL. */
export function chain(plugins: Plugin[], last: Next): Next {
  return plugins.reduceRight<Next>((next, plugin) => (request) => plugin.handle(request, next), last);
}

/** Applies a change to a reply now, or when it arrives. */
export function mapReply(
  reply: Reply | Promise<Reply>,
  change: (reply: Reply) => Reply,
): Reply | Promise<Reply> {
  return reply instanceof Promise ? reply.then(change) : change(reply);
}

/** The reply without its cache tag: it holds for this client only. */
export function untagged(reply: Reply): Reply {
  if (reply.tag === undefined) return reply;
  const { tag: _tag, ...rest } = reply;
  return rest as Reply;
}
