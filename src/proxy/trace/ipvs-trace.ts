import { outcomesOf, runHook, type State } from './ipt-trace.js';
import type { IpvsKernel } from './ipvs-kernel.js';
import { matchesLiteral } from './nft-expression.js';
import type { Outcome, Packet, TraceNode } from './packet.js';
import { TraceSyntaxError } from './tokens.js';

/**
 * Sends a packet through chains, sets and virtual servers, and returns every way in which it can end. The kernel's own
 * balancer takes packets that are addressed to the node: its own ones after nat OUTPUT, others after filter INPUT;
 * what it sends on goes through filter OUTPUT and nat POSTROUTING.
 */
export function traceIpvs(kernel: IpvsKernel, packet: Packet, at: TraceNode): Outcome[] {
  const node: TraceNode = {
    isLocal: (address) => kernel.addresses.has(address) || at.isLocal(address),
    inSet: (set, fields, current) => isInSet(kernel, set, fields, current),
  };
  const isOwn = packet.inputInterface === '';
  let states: State[] = [{ packet, path: [], verdict: 'continue' }];
  const hook = (chainOf: (state: State) => string | undefined) => {
    states = runHook(kernel.tables, node, states, chainOf);
  };
  const balance = () => {
    states = states.flatMap((state) => schedule(kernel, state));
  };
  const staysHere = ({ packet: now }: State) => node.isLocal(now.destination);
  hook(() => (isOwn ? 'nat OUTPUT' : 'nat PREROUTING'));
  if (isOwn) balance();
  else {
    hook((state) => (staysHere(state) ? 'filter INPUT' : 'filter FORWARD'));
    states = states.flatMap((state) => (staysHere(state) ? schedule(kernel, state) : [state]));
  }
  hook((state) => (isOwn || state.packet.virtual !== undefined ? 'filter OUTPUT' : undefined));
  hook((state) => (isOwn || !staysHere(state) ? 'nat POSTROUTING' : undefined));
  hook((state) => (isOwn && staysHere(state) ? 'filter INPUT' : undefined));
  return outcomesOf(states);
}

function schedule(kernel: IpvsKernel, state: State): State[] {
  if (state.verdict === 'DROP' || state.verdict === 'REJECT') return [state];
  const { protocol, destination, destinationPort } = state.packet;
  const targets = kernel.find(protocol, destination, destinationPort);
  if (targets === undefined) return [state];
  const step = `ipvs: ${protocol} ${destination} ${destinationPort}`;
  // The kernel answers with "port unreachable".
  if (targets.length === 0) return [{ ...state, path: [...state.path, step], verdict: 'REJECT' }];
  return targets.map((target) => {
    const end = target.lastIndexOf(':');
    const packet: Packet = {
      ...state.packet,
      destination: target.slice(0, end).replace(/^\[|\]$/g, ''),
      destinationPort: Number(target.slice(end + 1)),
      virtual: { address: destination, port: destinationPort },
    };
    return { ...state, packet, path: [...state.path, `${step} → ${target}`] };
  });
}

/** Source ports are as good as random: no entry has one. */
function isInSet(kernel: IpvsKernel, name: string, fields: readonly string[], packet: Packet): boolean {
  const set = kernel.sets.get(name);
  if (set === undefined) throw new TraceSyntaxError(`no set ${name}`);
  const address = (field: string | undefined) => (field === 'src' ? packet.source : packet.destination);
  const port = packet.destinationPort;
  switch (set.type) {
    case 'bitmap:port':
      return set.entries.has(String(port));
    case 'hash:ip':
      return set.entries.has(address(fields[0]));
    case 'hash:ip,port':
      return set.entries.has(`${address(fields[0])},${packet.protocol}:${port}`);
    case 'hash:ip,port,ip':
      return set.entries.has(`${address(fields[0])},${packet.protocol}:${port},${address(fields[2])}`);
    case 'hash:ip,port,net': {
      const socket = `${address(fields[0])},${packet.protocol}:${port},`;
      return [...set.entries].some(
        (entry) => entry.startsWith(socket) && matchesLiteral(address(fields[2]), entry.slice(socket.length)),
      );
    }
    default:
      throw new TraceSyntaxError(`unknown type of set: ${set.type}`);
  }
}
