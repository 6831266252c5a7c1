import { evaluateRule } from './nft-rule.js';
import type { NftTable } from './nft-table.js';
import type { FinalVerdict, Outcome, Packet, TraceNode } from './packet.js';
import { TraceSyntaxError } from './tokens.js';

type ChainVerdict = 'continue' | 'accept' | 'drop' | 'reject';

interface ChainResult {
  packet: Packet;
  path: string[];
  verdict: ChainVerdict;
}

const MAX_DEPTH = 16;

/**
 * Sends a packet through a table's hooks and returns every way in which it can end. All random branches are
 * taken, "new" is true, affinity remembers nobody. Where the packet goes after DNAT decides which hooks follow.
 */
export function traceNft(table: NftTable, packet: Packet, node: TraceNode): Outcome[] {
  const isOwn = packet.inputInterface === '';
  const first = isOwn ? 'output' : 'prerouting';
  let open: ChainResult[] = [{ packet, path: [], verdict: 'continue' }];
  const closed: ChainResult[] = [];
  const pass = (hookOf: (result: ChainResult) => string | undefined) => {
    const passed = open.flatMap((result) => {
      const hook = hookOf(result);
      return hook === undefined ? [result] : runHook(table, node, hook, result);
    });
    closed.push(...passed.filter(isFinal));
    open = passed.filter((result) => !isFinal(result));
  };
  const staysHere = ({ packet: now }: ChainResult) => node.isLocal(now.destination);
  pass(() => first);
  if (!isOwn) pass((result) => (staysHere(result) ? 'input' : 'forward'));
  pass((result) => (isOwn || !staysHere(result) ? 'postrouting' : undefined));
  // What the node sends to itself comes back in through the loopback interface; NAT has been decided by then.
  if (isOwn) pass((result) => (staysHere(result) ? 'input' : undefined));
  return [...closed, ...open].map(toOutcome);
}

function toOutcome({ packet, path, verdict }: ChainResult): Outcome {
  const final: FinalVerdict = verdict === 'drop' ? 'DROP' : verdict === 'reject' ? 'REJECT' : 'ACCEPT';
  return { verdict: final, packet, path };
}

const isFinal = ({ verdict }: ChainResult) => verdict === 'drop' || verdict === 'reject';

function runHook(table: NftTable, node: TraceNode, hook: string, start: ChainResult): ChainResult[] {
  const chains = [...table.chains]
    .filter(([, chain]) => chain.hook?.hook === hook)
    .sort(([, a], [, b]) => a.hook!.priority - b.hook!.priority);
  let results = [start];
  for (const [name] of chains) {
    results = results.flatMap((result) =>
      isFinal(result) ? [result] : runChain(table, node, name, { ...result, verdict: 'continue' }, 0),
    );
  }
  return results;
}

function runChain(
  table: NftTable,
  node: TraceNode,
  name: string,
  start: ChainResult,
  depth: number,
): ChainResult[] {
  const chain = table.chains.get(name);
  if (chain === undefined) throw new TraceSyntaxError(`no chain "${name}"`);
  if (depth > MAX_DEPTH) throw new TraceSyntaxError(`chains nest too deeply at "${name}"`);
  const rulesFrom = (index: number, state: ChainResult): ChainResult[] => {
    const rule = chain.rules[index];
    if (rule === undefined) return [state];
    return evaluateRule(rule, state.packet, { table, node }).flatMap(({ packet, action, matched }) => {
      const path = matched ? [...state.path, `${name}: ${rule}`] : state.path;
      const now: ChainResult = { packet, path, verdict: 'continue' };
      switch (action.kind) {
        case 'next':
          return rulesFrom(index + 1, now);
        case 'return':
          return [now];
        case 'jump':
          return runChain(table, node, action.chain, now, depth + 1).flatMap((result) =>
            result.verdict === 'continue' ? rulesFrom(index + 1, result) : [result],
          );
        case 'goto':
          return runChain(table, node, action.chain, now, depth + 1);
        default:
          return [{ ...now, verdict: action.kind }];
      }
    });
  };
  return rulesFrom(0, start);
}
