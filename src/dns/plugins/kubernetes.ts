import type { Logger, Metrics } from '#base';
import { Flag, Rcode, Type } from '../wire/constants.js';
import { decodeAnswer } from '../wire/decode.js';
import { encodeQuestion, isBelow, type Name } from '../wire/name.js';
import type { Answer } from '../wire/record.js';
import type { InformerState } from '../zone/cluster-state.js';
import { type ClusterZone, isReverse } from '../zone/cluster-zone.js';
import type { InformerSources } from '../zone/informer-sources.js';
import { resolve, type ZoneAnswer } from '../zone/resolve.js';
import type { DnsRequest, Next, Plugin, Reply } from './plugin.js';
import { rcodeReply } from './plugin.js';

export interface KubernetesPluginOptions {
  ttl: number;
  /** Zones whose NXDOMAIN goes to the next plugin; empty means none. */
  fallthrough: Name[];
  /** How long `start` waits for the first lists; then it serves unsynced. */
  startupTimeoutMs: number;
  /** Pod names depend on Pods. */
  verifiedPods: boolean;
}

/** A kubernetes plugin as others see it: transfer and explain read its zone. */
export interface KubernetesPlugin extends Plugin {
  readonly zones: ClusterZone;
  readonly state: InformerState;
  readonly ttl: number;
}

interface Deps {
  state: InformerState;
  sources: InformerSources;
  /** The whole chain, for aliases that lead out of the zone. */
  self: Next;
  logger: Logger;
  metrics: Metrics;
}

/** Answers the cluster's zones from watched state (CoreDNS plugin/kubernetes). */
export function createKubernetesPlugin(
  zones: ClusterZone,
  options: KubernetesPluginOptions,
  deps: Deps,
): KubernetesPlugin {
  const { state, sources, logger } = deps;
  return {
    name: 'kubernetes',
    zones,
    state,
    ttl: options.ttl,
    ready: () => state.synced,
    async start() {
      sources.start();
      if (options.startupTimeoutMs > 0) await state.whenSynced(AbortSignal.timeout(options.startupTimeoutMs));
      if (!state.synced)
        logger.warn('serving before the first list of the cluster: unknown names are SERVFAIL until then');
    },
    stop: async () => state.close(),
    handle(request, next) {
      const zone = zones.zoneOf(request.labels);
      if (zone === undefined) return next(request);
      const { type } = request.query;
      if (type === Type.AXFR || type === Type.IXFR) return rcodeReply(Rcode.REFUSED, 'kubernetes');
      const resolveOptions = { ttl: options.ttl, synced: state.synced, serial: state.serial };
      const answer = resolve(zones, request.labels, request.query.labels, type, zone, resolveOptions);
      if (answer.nxdomain === true && options.fallthrough.some((z) => isBelow(request.labels, z)))
        return next(request);
      if (answer.chase !== undefined)
        return followAlias(request, answer, answer.chase, deps.self, 'kubernetes');
      const tag = state.synced ? cacheTag(request.labels, zone, answer, options.verifiedPods) : undefined;
      return { kind: 'answer', answer, by: 'kubernetes', ...(tag === undefined ? {} : { tag }) };
    },
  };
}

/** What an answer depends on; undefined when that is more than one Service. */
function cacheTag(labels: Name, zone: Name, answer: ZoneAnswer, verifiedPods: boolean): string | undefined {
  if (answer.answers[0]?.data.type === 'CNAME') return undefined;
  const rel = labels.length - zone.length;
  if (rel === 0) return undefined;
  if (isReverse(zone)) return '*';
  const kind = labels[rel - 1];
  if (kind === 'svc') return `${labels[rel - 2] ?? ''}/${labels[rel - 3] ?? ''}`;
  if (kind === 'pod' && verifiedPods) return '*';
  return kind === 'dns' ? undefined : '/';
}

/** Resolves an alias that leads elsewhere through the chain and appends what comes back; the alias alone when nothing does. */
export async function followAlias(
  request: DnsRequest,
  answer: Answer,
  target: Name,
  self: Next,
  by: string,
): Promise<Reply> {
  const { type, class: queryClass } = request.query;
  const query = { ...request.query, labels: [...target], question: encodeQuestion(target, type, queryClass) };
  const reply = await self({ ...request, query, labels: target });
  const found = reply.kind === 'answer' ? reply.answer : decodeAnswer(reply.message);
  const done: Reply = { kind: 'answer', answer, by };
  if (found === undefined) return done;
  answer.answers.push(...found.answers);
  if (found.rcode === Rcode.NXDOMAIN) answer.rcode = Rcode.NXDOMAIN;
  if (reply.kind === 'message' && (reply.message.readUInt16BE(2) & Flag.TC) !== 0) answer.truncated = true;
  if (found.answers.length === 0)
    answer.authority.push(...found.authority.filter((r) => r.data.type === 'SOA'));
  return done;
}
