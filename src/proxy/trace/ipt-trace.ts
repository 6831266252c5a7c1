import type { IptTables } from './ipt-table.js';
import { matchesLiteral } from './nft-expression.js';
import type { Outcome, Packet, TraceNode } from './packet.js';
import { TraceSyntaxError } from './tokens.js';

/** A packet on its way. */
export interface State {
  packet: Packet;
  path: string[];
  verdict: 'continue' | 'accept' | 'DROP' | 'REJECT';
}

interface Match {
  matches: boolean;
  /** A random match: both ways are possible. */
  isRandom: boolean;
}

/** Sends a packet through iptables rules and returns every way in which it can end; unknown syntax throws. */
export function traceIptables(tables: IptTables, packet: Packet, node: TraceNode): Outcome[] {
  const isOwn = packet.inputInterface === '';
  let states: State[] = [{ packet, path: [], verdict: 'continue' }];
  const hook = (chainOf: (state: State) => string | undefined) => {
    states = runHook(tables, node, states, chainOf);
  };
  const staysHere = ({ packet: now }: State) => node.isLocal(now.destination);
  hook(() => (isOwn ? 'nat OUTPUT' : 'nat PREROUTING'));
  hook((state) => (isOwn ? 'filter OUTPUT' : staysHere(state) ? 'filter INPUT' : 'filter FORWARD'));
  hook((state) => (isOwn || !staysHere(state) ? 'nat POSTROUTING' : undefined));
  // What the node sends to itself comes back in through the loopback interface; NAT has been decided by then.
  hook((state) => (isOwn && staysHere(state) ? 'filter INPUT' : undefined));
  return outcomesOf(states);
}

/** Sends each state that is still on its way through the built-in chain (`table chain`) that is named for it, if any. */
export function runHook(
  tables: IptTables,
  node: TraceNode,
  states: readonly State[],
  chainOf: (state: State) => string | undefined,
): State[] {
  return states.flatMap((state) => {
    const chain = isFinal(state) ? undefined : chainOf(state);
    return chain === undefined
      ? [state]
      : runChain(tables, node, chain, { ...state, verdict: 'continue' }, 0);
  });
}

export function outcomesOf(states: readonly State[]): Outcome[] {
  return states.map(({ packet: sent, path, verdict }) => ({
    packet: sent,
    path,
    verdict: verdict === 'DROP' || verdict === 'REJECT' ? verdict : 'ACCEPT',
  }));
}

const isFinal = ({ verdict }: State) => verdict === 'DROP' || verdict === 'REJECT';

function runChain(tables: IptTables, node: TraceNode, name: string, start: State, depth: number): State[] {
  const rules = tables.chains.get(name);
  if (rules === undefined || depth > 16) throw new TraceSyntaxError(`no way into chain "${name}"`);
  const table = name.split(' ')[0]!;
  const from = (index: number, state: State): State[] => {
    const rule = rules[index];
    if (rule === undefined) return [state];
    const { match, target, options } = parseRule(rule, state.packet, node);
    const here = rule;
    const skipped = match.matches && !match.isRandom ? [] : from(index + 1, state);
    if (!match.matches) return skipped;
    const now = { ...state, path: [...state.path, `${name}: ${rule}`] };
    return [...take(now), ...skipped];

    function take(taken: State): State[] {
      if (tables.chains.has(`${table} ${target}`)) {
        return runChain(tables, node, `${table} ${target}`, taken, depth + 1).flatMap((result) =>
          result.verdict === 'continue' ? from(index + 1, result) : [result],
        );
      }
      if (target === 'RETURN') return [taken];
      const acted = act(target, options, taken, here);
      return acted.verdict === 'continue' ? from(index + 1, acted) : [acted];
    }
  };
  return from(0, start);
}

function act(target: string, options: Map<string, string>, state: State, rule: string): State {
  const { packet } = state;
  switch (target) {
    // A rule without a target only counts.
    case '':
      return state;
    case 'DROP':
    case 'REJECT':
      return { ...state, verdict: target };
    case 'ACCEPT':
      return { ...state, verdict: 'accept' };
    case 'MASQUERADE':
      return { ...state, packet: { ...packet, masqueraded: true }, verdict: 'accept' };
    case 'MARK': {
      const or = Number(options.get('--or-mark') ?? 0);
      const xor = Number(options.get('--xor-mark') ?? 0);
      return { ...state, packet: { ...packet, mark: ((packet.mark | or) ^ xor) >>> 0 } };
    }
    case 'DNAT': {
      const to = /^\[?([^\]]+?)\]?:(\d+)$/.exec(options.get('--to-destination') ?? '');
      if (to === null) throw new TraceSyntaxError(`no destination: ${rule}`);
      return {
        ...state,
        packet: { ...packet, destination: to[1]!, destinationPort: Number(to[2]) },
        verdict: 'accept',
      };
    }
    default:
      throw new TraceSyntaxError(`unknown target: ${rule}`);
  }
}

/** Options that only belong to a target, or say nothing about which packets match. */
const WITHOUT_EFFECT = new Set([
  '--comment',
  '--or-mark',
  '--xor-mark',
  '--to-destination',
  '--seconds',
  '--name',
  '--every',
  '--packet',
  '--cluster-local-node',
  '--cluster-hash-seed',
]);
/** Options that choose among connections: by chance, in turn, or by a hash that the tracer does not compute. */
const CHOICES = new Set(['--probability', '--mode', '--cluster-total-nodes']);
const FLAGS = new Set(['--random-fully', '--reap', '--set', '--rcheck']);
const MODULES = new Set([
  'comment',
  'tcp',
  'udp',
  'sctp',
  'addrtype',
  'conntrack',
  'mark',
  'recent',
  'statistic',
  'cluster',
  'set',
  'physdev',
  'ipvs',
]);

function parseRule(rule: string, packet: Packet, node: TraceNode) {
  const words = rule.match(/"[^"]*"|\S+/g) ?? [];
  const options = new Map<string, string>();
  const match: Match = { matches: true, isRandom: false };
  let target = '';
  let negated = false;
  for (let i = 0; i < words.length; i++) {
    const name = words[i]!;
    if (name === '!') {
      negated = true;
      continue;
    }
    if (FLAGS.has(name)) {
      // Clients that affinity remembers are unknown to the tracer.
      if (name === '--rcheck') match.matches = false;
      continue;
    }
    if (name === '--physdev-is-in') {
      // No traced packet comes through the port of a bridge.
      match.matches &&= negated;
      negated = false;
      continue;
    }
    // Sets have the one option with two words.
    const value = name === '--match-set' ? `${words[++i]} ${words[++i]}` : (words[++i] ?? '');
    if (name === '-j') target = value;
    else if (CHOICES.has(name)) match.isRandom = true;
    else if (WITHOUT_EFFECT.has(name)) options.set(name, value);
    else if (name !== '-m') match.matches &&= matchOption(name, value, packet, node, rule) !== negated;
    else if (!MODULES.has(value)) throw new TraceSyntaxError(`unknown match "${value}": ${rule}`);
    negated = negated && name === '-m';
  }
  return { match, target, options };
}

function matchOption(name: string, value: string, packet: Packet, node: TraceNode, rule: string): boolean {
  switch (name) {
    case '-s':
      return matchesLiteral(packet.source, value);
    case '-d':
      return matchesLiteral(packet.destination, value);
    case '-p':
      return packet.protocol === value;
    case '-i':
      return value.endsWith('+')
        ? packet.inputInterface.startsWith(value.slice(0, -1))
        : packet.inputInterface === value;
    case '--dport':
      return packet.destinationPort === Number(value);
    case '--src-type':
      return node.isLocal(packet.source);
    case '--dst-type':
      return node.isLocal(packet.destination);
    case '--ctstate':
      return value.split(',').includes('NEW');
    case '--mark': {
      const [wanted, mask] = value.split('/').map(Number);
      return (packet.mark & mask!) >>> 0 === wanted;
    }
    case '--match-set':
      if (node.inSet === undefined) throw new TraceSyntaxError(`there are no sets: ${rule}`);
      return node.inSet(value.split(' ')[0]!, value.split(' ')[1]!.split(','), packet);
    case '--vaddr':
      return packet.virtual?.address === value;
    case '--vproto':
      return packet.virtual !== undefined && packet.protocol === value;
    case '--vport':
      return packet.virtual?.port === Number(value);
    default:
      throw new TraceSyntaxError(`unknown option "${name}": ${rule}`);
  }
}
