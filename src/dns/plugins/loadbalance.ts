import type { ResourceRecord } from '../wire/record.js';
import type { Plugin, Reply } from './plugin.js';

/** Shuffles the A, AAAA and MX records of answers, aliases first (CoreDNS plugin/loadbalance, round_robin). */
export function createLoadbalance(random: () => number = Math.random): Plugin {
  const shuffle = (reply: Reply): Reply => {
    if (reply.kind !== 'answer' || reply.answer.rcode !== 0 || reply.answer.answers.length < 2) return reply;
    return { kind: 'answer', answer: { ...reply.answer, answers: shuffled(reply.answer.answers, random) } };
  };
  return {
    name: 'loadbalance',
    handle(request, next) {
      const reply = next(request);
      return reply instanceof Promise ? reply.then(shuffle) : shuffle(reply);
    },
  };
}

function shuffled(records: ResourceRecord[], random: () => number): ResourceRecord[] {
  const aliases = records.filter((r) => r.data.type === 'CNAME');
  const movable = records.filter((r) => ['A', 'AAAA', 'MX'].includes(r.data.type));
  const others = records.filter((r) => !aliases.includes(r) && !movable.includes(r));
  for (let i = movable.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [movable[i], movable[j]] = [movable[j]!, movable[i]!];
  }
  return [...aliases, ...others, ...movable];
}
