import { Flag, Rcode, Type } from '../wire/constants.js';
import { decodeAnswer } from '../wire/decode.js';
import { encodeQuestion, isBelow, type Name } from '../wire/name.js';
import type { ClusterState } from '../zone/cluster-state.js';
import type { ClusterZone } from '../zone/cluster-zone.js';
import { resolve, type ZoneAnswer } from '../zone/resolve.js';
import type { DnsRequest, Next, Plugin, Reply } from './plugin.js';

export interface KubernetesPluginOptions {
  ttl: number;
  /** Zones whose NXDOMAIN goes to the next plugin; empty means none. */
  fallthrough: Name[];
}

/** Answers the cluster's zones from watched state (CoreDNS plugin/kubernetes). */
export function createKubernetesPlugin(
  state: ClusterState,
  zones: ClusterZone,
  options: KubernetesPluginOptions,
): Plugin {
  return {
    name: 'kubernetes',
    ready: () => state.synced,
    handle(request, next) {
      const zone = zones.zoneOf(request.labels);
      if (zone === undefined) return next(request);
      const { type } = request.query;
      if (type === Type.AXFR || type === Type.IXFR) return { kind: 'answer', answer: refused() };
      const resolveOptions = { ttl: options.ttl, synced: state.synced, serial: state.serial };
      const answer = resolve(zones, request.labels, request.query.labels, type, zone, resolveOptions);
      if (answer.nxdomain === true && options.fallthrough.some((z) => isBelow(request.labels, z)))
        return next(request);
      return answer.chase === undefined
        ? { kind: 'answer', answer }
        : chase(request, answer, answer.chase, next);
    },
  };
}

function refused() {
  return { rcode: Rcode.REFUSED, authoritative: false, answers: [], authority: [], additional: [] };
}

/** Resolves an external alias through the rest of the chain and appends what comes back; the alias alone when nothing does. */
async function chase(request: DnsRequest, answer: ZoneAnswer, target: Name, next: Next): Promise<Reply> {
  const { type, class: queryClass } = request.query;
  const query = { ...request.query, labels: [...target], question: encodeQuestion(target, type, queryClass) };
  const reply = await next({ ...request, query, labels: target });
  const found = reply.kind === 'answer' ? reply.answer : decodeAnswer(reply.message);
  if (found === undefined) return { kind: 'answer', answer };
  answer.answers.push(...found.answers);
  if (found.rcode === Rcode.NXDOMAIN) answer.rcode = Rcode.NXDOMAIN;
  if (reply.kind === 'message' && (reply.message.readUInt16BE(2) & Flag.TC) !== 0) answer.truncated = true;
  if (found.answers.length === 0)
    answer.authority.push(...found.authority.filter((r) => r.data.type === 'SOA'));
  return { kind: 'answer', answer };
}
