import { type Address, cidrContains, parseAddress, parseCidr } from '../state/addresses.js';
import type { Packet } from './packet.js';
import type { Tokens } from './tokens.js';

/**
 * Evaluates a key expression to all the values that it can take: one for header fields, several for random and
 * hash choices, none when the packet has no such field (the rule then does not match).
 */
export function evaluateKey(tokens: Tokens, packet: Packet): string[] {
  let values = [''];
  do {
    const alternatives = evaluateTerm(tokens, packet);
    values = values.flatMap((prefix) =>
      alternatives.map((value) => (prefix === '' ? value : `${prefix} . ${value}`)),
    );
  } while (tokens.take('.'));
  return values;
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

function evaluateTerm(tokens: Tokens, packet: Packet): string[] {
  if (tokens.take('numgen')) {
    const generator = tokens.next();
    if (generator !== 'random' && generator !== 'inc') throw tokens.error('unknown generator');
    tokens.expect('mod');
    return numbers(Number(tokens.next()));
  }
  if (tokens.take('jhash')) {
    evaluateTerm(tokens, packet);
    tokens.expect('mod');
    const count = Number(tokens.next());
    if (tokens.take('seed')) tokens.next();
    return numbers(count);
  }
  return evaluateField(tokens, packet);
}

function evaluateField(tokens: Tokens, packet: Packet): string[] {
  const name = `${tokens.next()} ${tokens.next()}`;
  const ip = packet.family === 'IPv4' ? 'ip' : 'ip6';
  const ifProtocol = (protocol: string) =>
    packet.protocol === protocol ? [String(packet.destinationPort)] : [];
  switch (name) {
    case `${ip} saddr`:
      return [packet.source];
    case `${ip} daddr`:
      return [packet.destination];
    case 'meta l4proto':
      return [packet.protocol];
    case 'th dport':
      return [String(packet.destinationPort)];
    case 'tcp dport':
    case 'udp dport':
    case 'sctp dport':
      return ifProtocol(name.split(' ')[0]!);
    default:
      throw tokens.error(`unknown field "${name}"`);
  }
}

/** Whether a value equals a literal or lies in a CIDR. */
export function matchesLiteral(value: string, literal: string): boolean {
  if (!literal.includes('/')) return (parseAddress(literal)?.text ?? literal) === value;
  const cidr = parseCidr(literal);
  const address: Address | undefined = parseAddress(value);
  return cidr !== undefined && address !== undefined && cidrContains(cidr, address);
}
