import { randomInt } from 'node:crypto';
import type { Logger, Metrics } from '#base';
import type { Upstream } from '../upstream/messages.js';
import { type ProxyOptions, proxyMetrics, UpstreamProxy } from '../upstream/proxy.js';
import { Rcode } from '../wire/constants.js';
import { isBelow, type Name } from '../wire/name.js';
import { type DnsRequest, type Next, type Plugin, type Reply, rcodeReply } from './plugin.js';

export interface ForwardOptions extends ProxyOptions {
  /** Zone this plugin answers for; the root for `forward .`. */
  zone: Name;
  upstreams: Upstream[];
  policy: 'random' | 'round_robin' | 'sequential';
  except: Name[];
  /** Concurrent queries; 0 is no limit. Beyond, REFUSED. */
  maxConcurrent: number;
  /** SERVFAIL at once when every upstream is down, instead of trying one anyway. */
  failfastAllUnhealthy: boolean;
  /** Answers with these codes are tried at the next upstream. */
  failover: number[];
  /** Answers with these codes are asked of the next plugin instead. */
  next: number[];
}

const TOTAL_TIMEOUT_MS = 5_000;
/** A second upstream is asked when the first has not answered by then: a dead one otherwise costs two seconds (coredns#7353). */
const HEDGE_MS = 150;
/** The second round is for lost datagrams: a slow upstream is not asked again sooner than resolvers would. */
const RETRY_MS = 1_000;

/**
 * Passes questions to upstream resolvers (CoreDNS plugin/forward): UDP in, UDP out, unless told otherwise; upstreams in
 * the policy's order, the next one early when one is slow; those that fail are probed until they answer again.
 */
export function createForward(options: ForwardOptions, logger: Logger, metrics: Metrics): Plugin {
  const perProxy = proxyMetrics(metrics);
  const proxies = options.upstreams.map((upstream) => new UpstreamProxy(upstream, options, logger, perProxy));
  const rejected = metrics.counter(
    'coredns_forward_max_concurrent_rejects_total',
    'Counter of the number of queries rejected because the concurrent queries were at maximum.',
  );
  const broken = metrics.counter(
    'coredns_forward_healthcheck_broken_total',
    'Counter of the number of complete failures of the healthchecks.',
  );
  let turn = 0;
  let running = 0;

  const order = (): UpstreamProxy[] => {
    const healthy = proxies.filter((p) => !p.isDown);
    if (healthy.length === 0) broken.inc();
    const pool = healthy.length > 0 ? healthy : options.failfastAllUnhealthy ? [] : [...proxies];
    if (pool.length < 2 || (options.policy === 'sequential' && healthy.length > 0)) return pool;
    const first = options.policy === 'round_robin' ? turn++ % pool.length : randomInt(pool.length);
    return [...pool.slice(first), ...pool.slice(0, first)];
  };

  const ask = async (request: DnsRequest, next: Next): Promise<Reply> => {
    const reply = await hedged(request, order(), options.failover);
    const rcode = reply.kind === 'message' ? reply.message[3]! & 0xf : reply.answer.rcode;
    return options.next.includes(rcode) ? next(request) : reply;
  };

  return {
    name: 'forward',
    handle(request, next) {
      const own = isBelow(request.labels, options.zone);
      if (!own || options.except.some((zone) => isBelow(request.labels, zone))) return next(request);
      if (options.maxConcurrent > 0 && running >= options.maxConcurrent) {
        rejected.inc();
        return rcodeReply(Rcode.REFUSED, 'forward');
      }
      running++;
      return ask(request, next).finally(() => {
        running--;
      });
    },
    async stop() {
      for (const proxy of proxies) proxy.stop();
    },
  };
}

/**
 * Asks the upstreams one after the other, twice each at most, without waiting long for one before the next is asked too;
 * the first answer wins. SERVFAIL when none came in time.
 */
function hedged(request: DnsRequest, candidates: UpstreamProxy[], failover: number[]): Promise<Reply> {
  return new Promise((resolve) => {
    let started = 0;
    let open = 0;
    let last: Reply = { ...rcodeReply(Rcode.SERVFAIL, 'forward'), error: 'no healthy proxies' };
    let hedge: NodeJS.Timeout | undefined;
    const finish = (reply: Reply) => {
      clearTimeout(hedge);
      clearTimeout(deadline);
      started = Number.POSITIVE_INFINITY;
      resolve(reply);
    };
    const deadline = setTimeout(() => finish(last), TOTAL_TIMEOUT_MS);
    const failed = (reply: Reply) => {
      last = reply;
      start();
    };
    const start = () => {
      clearTimeout(hedge);
      if (started >= 2 * candidates.length) {
        if (open === 0) finish(last);
        return;
      }
      const proxy = candidates[started++ % candidates.length]!;
      open++;
      hedge = setTimeout(start, started < candidates.length ? HEDGE_MS : RETRY_MS);
      proxy.exchange(request).then(
        (message) => {
          open--;
          const reply: Reply = { kind: 'message', message, by: 'forward' };
          if (failover.includes(message[3]! & 0xf)) failed(reply);
          else finish(reply);
        },
        (error: Error) => {
          open--;
          failed({ ...rcodeReply(Rcode.SERVFAIL, 'forward'), error: error.message });
        },
      );
    };
    start();
  });
}
