import { type Cidr, cidrContains, parseIp } from '#base';
import { Type } from '../wire/constants.js';
import type { ResourceRecord } from '../wire/record.js';
import { octetsText } from '../zone/addresses.js';
import { mapReply, type Plugin, type Reply, untagged } from './plugin.js';

/**
 * Shuffles the A, AAAA and MX records of answers, aliases first and preferred addresses before the others (CoreDNS
 * plugin/loadbalance, round_robin).
 */
export function createLoadbalance(preferred: Cidr[] = [], random: () => number = Math.random): Plugin {
  const shuffle = (given: Reply): Reply => {
    // Kept replies are rotated as a whole, which would undo the preference.
    const reply = preferred.length > 0 ? untagged(given) : given;
    if (reply.kind !== 'answer' || reply.answer.rcode !== 0 || reply.answer.answers.length < 2) return reply;
    const answers = shuffled(reply.answer.answers, random);
    return { ...reply, answer: { ...reply.answer, answers: preferring(answers, preferred) } };
  };
  return {
    name: 'loadbalance',
    handle(request, next) {
      const { type } = request.query;
      // A transfer's order is its frame: SOA first and last.
      if (type === Type.AXFR || type === Type.IXFR) return next(request);
      return mapReply(next(request), shuffle);
    },
  };
}

function shuffled(records: ResourceRecord[], random: () => number): ResourceRecord[] {
  const aliases = records.filter((r) => r.data.type === 'CNAME');
  const movable = records.filter((r) => ['A', 'AAAA', 'MX'].includes(r.data.type));
  const others = records.filter((r) => !['CNAME', 'A', 'AAAA', 'MX'].includes(r.data.type));
  for (let i = movable.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [movable[i], movable[j]] = [movable[j]!, movable[i]!];
  }
  return [...aliases, ...others, ...movable];
}

function preferring(records: ResourceRecord[], preferred: Cidr[]): ResourceRecord[] {
  if (preferred.length === 0) return records;
  const rank = ({ data }: ResourceRecord) => {
    if (data.type !== 'A' && data.type !== 'AAAA') return 0;
    const ip = parseIp(octetsText(data.address.toString('latin1')))!;
    return preferred.some((cidr) => cidrContains(cidr, ip)) ? 1 : 2;
  };
  return [0, 1, 2].flatMap((wanted) => records.filter((record) => rank(record) === wanted));
}
