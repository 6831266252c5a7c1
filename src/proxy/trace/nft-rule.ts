import { evaluateKey, matchesLiteral } from './nft-expression.js';
import type { NftTable } from './nft-table.js';
import type { Packet, TraceNode } from './packet.js';
import { Tokens } from './tokens.js';

export type Action =
  | { kind: 'next' | 'return' | 'accept' | 'drop' | 'reject' }
  | { kind: 'jump' | 'goto'; chain: string };

/** One way in which a rule can end. */
export interface RuleResult {
  packet: Packet;
  action: Action;
  /** False when a match failed, so that the rule did nothing. */
  matched: boolean;
}

interface Context {
  table: NftTable;
  node: TraceNode;
}

const VERDICTS = new Set(['accept', 'drop', 'return']);

function parseVerdict(words: string[], tokens: Tokens): Action {
  const [verb, chain] = words;
  if (words.length === 1 && VERDICTS.has(verb!)) return { kind: verb as 'accept' | 'drop' | 'return' };
  if (words.length === 2 && (verb === 'jump' || verb === 'goto')) return { kind: verb, chain: chain! };
  throw tokens.error(`unknown verdict "${words.join(' ')}"`);
}

/** Interprets one rule for one packet. Several results mean a random choice; unknown syntax throws. */
export function evaluateRule(rule: string, packet: Packet, context: Context): RuleResult[] {
  return statements(new Tokens(rule), packet, context);
}

const missed = (packet: Packet): RuleResult[] => [{ packet, action: { kind: 'next' }, matched: false }];

function statements(tokens: Tokens, start: Packet, context: Context): RuleResult[] {
  let packet = start;
  while (!tokens.done) {
    const word = tokens.peek()!;
    if (VERDICTS.has(word) || word === 'jump' || word === 'goto') {
      const words = VERDICTS.has(word) ? [tokens.next()] : [tokens.next(), tokens.next()];
      return [{ packet, action: parseVerdict(words, tokens), matched: true }];
    }
    if (tokens.take('reject')) return [{ packet, action: { kind: 'reject' }, matched: true }];
    if (tokens.take('dnat')) return translate(tokens, packet, context);
    if (tokens.take('masquerade')) {
      tokens.take('fully-random');
      return [{ packet: { ...packet, masqueraded: true }, action: { kind: 'accept' }, matched: true }];
    }
    if (tokens.take('counter')) continue;
    if (tokens.take('update')) {
      tokens.next();
      tokens.braced();
      continue;
    }
    if (tokens.take('meta', 'mark')) {
      const marked = mark(tokens, packet);
      if (marked === undefined) return missed(start);
      packet = marked;
      continue;
    }
    const outcome = match(tokens, packet, context);
    if (Array.isArray(outcome)) return outcome;
    if (!outcome) return missed(start);
  }
  return [{ packet, action: { kind: 'next' }, matched: true }];
}

/** `meta mark & 0x1 != 0` (undefined when it does not match), or `meta mark set meta mark |^ 0x1`. */
function mark(tokens: Tokens, packet: Packet): Packet | undefined {
  if (tokens.take('set')) {
    tokens.expect('meta', 'mark');
    const operator = tokens.next();
    const bits = Number(tokens.next());
    if (operator === '|') return { ...packet, mark: (packet.mark | bits) >>> 0 };
    if (operator === '^') return { ...packet, mark: (packet.mark ^ bits) >>> 0 };
    throw tokens.error('unknown mark operator');
  }
  tokens.expect('&');
  const bits = Number(tokens.next());
  tokens.expect('!=', '0');
  return (packet.mark & bits) !== 0 ? packet : undefined;
}

/** `dnat ip to KEY map @m`, or `dnat to address:port`. */
function translate(tokens: Tokens, packet: Packet, context: Context): RuleResult[] {
  if (tokens.take('to')) return [translated(packet, splitSocket(tokens.next(), tokens))];
  tokens.next();
  tokens.expect('to');
  const keys = evaluateKey(tokens, packet);
  tokens.expect('map');
  const map = lookupTable(tokens, context);
  const results = keys.flatMap((key) => {
    const value = map.get(key);
    return value === undefined ? missed(packet) : [translated(packet, value.split(' . '))];
  });
  return results.length === 0 ? missed(packet) : results;
}

function splitSocket(text: string, tokens: Tokens): string[] {
  const found = /^\[?([^\]]+)\]?:(\d+)$/.exec(text);
  if (found === null) throw tokens.error('not a socket address');
  return [found[1]!, found[2]!];
}

function translated(packet: Packet, [destination, port]: string[]): RuleResult {
  const sent = { ...packet, destination: destination!, destinationPort: Number(port) };
  return { packet: sent, action: { kind: 'accept' }, matched: true };
}

function lookupTable(tokens: Tokens, context: Context): Map<string, string> {
  const name = tokens.next();
  const set = name.startsWith('@') ? context.table.sets.get(name.slice(1)) : undefined;
  if (set === undefined) throw tokens.error(`unknown set ${name}`);
  return set.elements;
}

/** A match: true or false; or the results of a verdict map, which ends the rule when it finds the key. */
function match(tokens: Tokens, packet: Packet, context: Context): boolean | RuleResult[] {
  if (tokens.take('ct', 'state', 'new')) return true;
  if (tokens.take('fib')) return matchFib(tokens, packet, context);
  if (tokens.take('iifname')) return matchInterface(tokens, packet);
  const keys = evaluateKey(tokens, packet);
  if (tokens.take('vmap')) return matchVerdicts(tokens, keys, packet, context);
  const negated = tokens.take('!=');
  const found = matchValue(tokens, keys, context);
  return keys.length > 0 && found !== negated;
}

function matchValue(tokens: Tokens, keys: string[], context: Context): boolean {
  const is = (literal: string) => keys.some((key) => matchesLiteral(key, literal));
  if (tokens.peek() === '{') return tokens.braced().some((words) => is(words.join(' ')));
  if (!tokens.peek()!.startsWith('@')) return is(tokens.next());
  const isDynamic = context.table.sets.get(tokens.peek()!.slice(1))?.definition.includes('dynamic');
  const elements = lookupTable(tokens, context);
  // Clients remembered by affinity are unknown here: the tracer follows a client that nobody knows yet.
  if (isDynamic === true) return false;
  return keys.some((key) => elements.has(key)) || [...elements.keys()].some((e) => e.includes('/') && is(e));
}

function matchVerdicts(
  tokens: Tokens,
  keys: string[],
  packet: Packet,
  context: Context,
): RuleResult[] | boolean {
  const verdicts =
    tokens.peek() === '{'
      ? new Map(tokens.braced().map((words) => [words[0]!, words.slice(2).join(' ')]))
      : lookupTable(tokens, context);
  const hits = keys.flatMap((key) => verdicts.get(key) ?? []);
  if (hits.length === 0) return false;
  return hits.map((hit) => ({ packet, action: parseVerdict(hit.split(' '), tokens), matched: true }));
}

function matchFib(tokens: Tokens, packet: Packet, context: Context): boolean {
  const side = tokens.next();
  if (side !== 'saddr' && side !== 'daddr') throw tokens.error('unknown fib key');
  tokens.expect('type', 'local');
  return context.node.isLocal(side === 'saddr' ? packet.source : packet.destination);
}

function matchInterface(tokens: Tokens, packet: Packet): boolean {
  const negated = tokens.take('!=');
  const name = tokens.next().replaceAll('"', '');
  const found = name.endsWith('*')
    ? packet.inputInterface.startsWith(name.slice(0, -1))
    : packet.inputInterface === name;
  return found !== negated;
}
