import { type Directive, directiveError } from '../corefile/parse.js';
import { Rcode, Type } from '../wire/constants.js';
import { decodeAnswer } from '../wire/decode.js';
import { encodeQuestion, type Name } from '../wire/name.js';
import type { Answer, ResourceRecord } from '../wire/record.js';
import { addressOctets } from '../zone/addresses.js';
import { isReverse } from '../zone/cluster-zone.js';
import type { KubernetesPlugin } from './kubernetes.js';
import { type DnsRequest, mapReply, type Next, type Plugin, type Reply, untagged } from './plugin.js';
import { expectNoBlock, type PluginSetup } from './setup-context.js';
import { zoneNames } from './zone-names.js';

const ALIAS_TTL = 5;

/**
 * `autopath [ZONES...] @kubernetes`: walks the search path of the asking Pod in one query. Whether to go on depends
 * on whether a name exists, which is the same for A and AAAA (upstream's answers can differ: coredns#3765). A source
 * that is not one known Pod with a network of its own is answered as asked.
 */
export function setupAutopath(directive: Directive, setup: PluginSetup): Plugin {
  expectNoBlock(directive);
  const [source, ...rest] = [...directive.args].reverse();
  if (source !== '@kubernetes')
    throw directiveError(
      directive,
      `autopath: only '@kubernetes' is supported, not ${JSON.stringify(source ?? '')}`,
    );
  const zones = rest.length === 0 ? setup.zones : rest.flatMap((z) => zoneNames(z, directive));
  if (!setup.plugins.some((d) => d.name === 'kubernetes'))
    throw directiveError(directive, 'autopath: there is no kubernetes plugin in this server block');
  return {
    name: 'autopath',
    handle(request, next) {
      const kubernetes = setup.made.get('kubernetes') as KubernetesPlugin;
      const walk = searchWalk(kubernetes, request);
      if (walk === undefined || !zones.some((z) => endsWith(request.labels, z)))
        return mapReply(next(request), untagged);
      return search(request, walk, next);
    },
  };
}

function endsWith(name: Name, zone: Name): boolean {
  const offset = name.length - zone.length;
  return offset >= 0 && zone.every((label, i) => name[offset + i] === label);
}

/** The names that the Pod's resolver would try from here on, or undefined when this is not such a question. */
function searchWalk({ state, zones }: KubernetesPlugin, request: DnsRequest): Name[] | undefined {
  const { type } = request.query;
  if (type !== Type.A && type !== Type.AAAA) return undefined;
  const zone = zones.zoneOf(request.labels);
  if (zone === undefined || isReverse(zone)) return undefined;
  const octets = addressOctets(request.remoteAddress.replace(/^::ffff:/, ''));
  const pods = octets === undefined ? [] : state.podsByIp(octets).filter((p) => !p.hostNetwork);
  if (pods.length !== 1) return undefined;
  const first = [pods[0]!.metadata.namespace!, 'svc', ...zone];
  if (!endsWith(request.labels, first) || request.labels.length === first.length) return undefined;
  const base = request.labels.slice(0, request.labels.length - first.length);
  return [request.labels, [...base, 'svc', ...zone], [...base, ...zone], base];
}

async function search(request: DnsRequest, walk: Name[], next: Next): Promise<Reply> {
  let first: Reply | undefined;
  for (const labels of walk) {
    const { type, class: queryClass } = request.query;
    const query = {
      ...request.query,
      labels: [...labels],
      question: encodeQuestion(labels, type, queryClass),
    };
    const reply = untagged(await next(labels === request.labels ? request : { ...request, labels, query }));
    const rcode = reply.kind === 'answer' ? reply.answer.rcode : reply.message[3]! & 0xf;
    first ??= reply;
    if (rcode === Rcode.NXDOMAIN) continue;
    return labels === request.labels ? reply : aliased(request, labels, reply);
  }
  // Nothing exists under any name: what the question itself got.
  return first!;
}

/** The answer with an alias from the name that was asked for to the one that was found. */
function aliased(request: DnsRequest, found: Name, reply: Reply): Reply {
  const answer: Answer | undefined = reply.kind === 'answer' ? reply.answer : fromMessage(reply.message);
  if (answer === undefined || answer.answers.length === 0) return { ...reply, by: 'autopath' };
  const alias: ResourceRecord = {
    name: request.query.labels,
    ttl: Math.min(ALIAS_TTL, ...answer.answers.map((r) => r.ttl)),
    data: { type: 'CNAME', target: found },
  };
  return { kind: 'answer', answer: { ...answer, answers: [alias, ...answer.answers] }, by: 'autopath' };
}

function fromMessage(message: Buffer): Answer | undefined {
  const decoded = decodeAnswer(message);
  return decoded === undefined ? undefined : { ...decoded, authoritative: false, recursionAvailable: true };
}
