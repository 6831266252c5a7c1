import { parseIp } from '#base';
import { type Directive, directiveError } from '../corefile/parse.js';
import { Rcode, Type } from '../wire/constants.js';
import { isBelow, type Name } from '../wire/name.js';
import type { Answer, ResourceRecord } from '../wire/record.js';
import { isReverse } from '../zone/cluster-zone.js';
import { zoneRecords } from '../zone/zone-transfer.js';
import type { KubernetesPlugin } from './kubernetes.js';
import { type DnsRequest, type Plugin, type Reply, rcodeReply } from './plugin.js';
import { expectArgs, type PluginSetup, unknownProperty } from './setup-context.js';
import { zoneNames } from './zone-names.js';

/** Records per message: well below 64 KiB with names of this zone. */
const RECORDS_PER_MESSAGE = 400;

/** `transfer [ZONES...] { to ADDRESS... }`: AXFR of the cluster's zones to the hosts named, or to all with `*`. */
export function setupTransfer(directive: Directive, setup: PluginSetup): Plugin {
  const zones =
    directive.args.length === 0 ? setup.zones : directive.args.flatMap((z) => zoneNames(z, directive));
  const to = new Set<string>();
  for (const line of directive.block) {
    if (line.name !== 'to') throw unknownProperty(line);
    for (const host of expectArgs(line, 1, 100)) to.add(hostOf(host, line));
  }
  if (to.size === 0) throw directiveError(directive, "'to' is required");
  return {
    name: 'transfer',
    handle(request, next) {
      const { type } = request.query;
      const kubernetes = setup.made.get('kubernetes') as KubernetesPlugin | undefined;
      const zone = kubernetes?.zones.zoneOf(request.labels);
      const wanted = type === Type.AXFR || type === Type.IXFR;
      if (!wanted || kubernetes === undefined || zone === undefined || zone.length !== request.labels.length)
        return next(request);
      const allowed =
        to.has('*') || to.has(parseIp(request.remoteAddress.replace(/^::ffff:/, ''))?.text ?? '');
      if (!allowed || !zones.some((z) => isBelow(zone, z)) || isReverse(zone))
        return rcodeReply(Rcode.REFUSED, 'transfer');
      if (!kubernetes.state.synced) return rcodeReply(Rcode.SERVFAIL, 'transfer');
      return transfer(kubernetes, request, zone);
    },
  };
}

function hostOf(text: string, at: Directive): string {
  if (text === '*') return text;
  const ip = parseIp(text) ?? parseIp(text.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''));
  if (ip === undefined) throw directiveError(at, `transfer: ${JSON.stringify(text)} is not an address`);
  return ip.text;
}

/**
 * All records between two SOAs, also for IXFR. The SOA alone for a client that has this serial, and for a datagram: that client
 * comes back over a stream.
 */
function transfer(kubernetes: KubernetesPlugin, request: DnsRequest, zone: Name): Reply {
  const { zones, state, ttl } = kubernetes;
  const records = zoneRecords(zones, state, zone, { ttl, synced: true, serial: state.serial });
  const current = request.query.serial === state.serial >>> 0;
  const all = request.protocol === 'udp' || current ? records.slice(0, 1) : records;
  const messages: Answer[] = [];
  for (let i = 0; i < all.length; i += RECORDS_PER_MESSAGE)
    messages.push(message(all.slice(i, i + RECORDS_PER_MESSAGE)));
  const [first, ...more] = messages;
  return { kind: 'answer', answer: first!, more, by: 'transfer' };
}

function message(answers: ResourceRecord[]): Answer {
  return { rcode: Rcode.NOERROR, authoritative: true, answers, authority: [], additional: [] };
}
