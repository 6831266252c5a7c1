import { Type } from '../wire/constants.js';
import type { ResourceRecord } from '../wire/record.js';
import { mapReply, type Plugin, type Reply } from './plugin.js';

/** Shuffles the A, AAAA and MX records of answers, aliases first (CoreDNS plugin/loadbalance, round_robin). */
export function createLoadbalance(random: () => number = Math.random): Plugin {
  const shuffle = (reply: Reply): Reply => {
    if (reply.kind !== 'answer' || reply.answer.rcode !== 0 || reply.answer.answers.length < 2) return reply;
    return { ...reply, answer: { ...reply.answer, answers: shuffled(reply.answer.answers, random) } };
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
