import { type Directive, directiveError } from '../corefile/parse.js';
import { Class, Flag, Rcode, Type } from '../wire/constants.js';
import { decodeAnswer } from '../wire/decode.js';
import { encodeQuestion, lower, type Name, NameError, parseName } from '../wire/name.js';
import type { Answer } from '../wire/record.js';
import { type DnsRequest, mapReply, type Plugin, type Reply, rcodeReply, untagged } from './plugin.js';
import {
  type Match,
  type NameRewrite,
  nameRewrite,
  nameText,
  renameAnswer,
  substitute,
  withDot,
} from './rewrite-rules.js';
import { argumentError, integer, type PluginSetup } from './setup-context.js';

const MATCHES = ['exact', 'prefix', 'suffix', 'substring', 'regex'] as const;

/** What a rule does to a question, and to the reply that comes back. */
interface Rule {
  stop: boolean;
  /** The changed question and how to change the reply; undefined when the rule does not match. */
  apply(request: DnsRequest): { request: DnsRequest; reply?: (answer: Answer) => Answer } | undefined;
}

/** `rewrite [continue|stop] FIELD ...` (CoreDNS plugin/rewrite): name with answers, type, class, ttl, rcode. */
export function setupRewrite(directive: Directive, setup: PluginSetup): Plugin | undefined {
  const rule = parseRule(directive);
  const have = setup.made.get('rewrite') as RewritePlugin | undefined;
  // All rewrite lines of a block are one plugin: `stop` ends the list.
  if (have !== undefined) {
    have.rules.push(rule);
    return undefined;
  }
  return new RewritePlugin([rule]);
}

class RewritePlugin implements Plugin {
  readonly name = 'rewrite';
  readonly rules: Rule[];

  constructor(rules: Rule[]) {
    this.rules = rules;
  }

  handle(request: DnsRequest, next: (request: DnsRequest) => Reply | Promise<Reply>): Reply | Promise<Reply> {
    let current = request;
    const undo: ((answer: Answer) => Answer)[] = [];
    try {
      for (const rule of this.rules) {
        const applied = rule.apply(current);
        if (applied === undefined) continue;
        current = applied.request;
        if (applied.reply !== undefined) undo.unshift(applied.reply);
        if (rule.stop) break;
      }
    } catch (error) {
      if (error instanceof NameError)
        return { ...rcodeReply(Rcode.SERVFAIL, 'rewrite'), error: error.message };
      throw error;
    }
    if (current === request) return next(request);
    return mapReply(next(current), (reply) => undoAll(untagged(reply), request, undo));
  }
}

/** The reply to the rewritten question as one to the question that was asked. */
function undoAll(reply: Reply, request: DnsRequest, undo: ((answer: Answer) => Answer)[]): Reply {
  let answer = reply.kind === 'answer' ? reply.answer : fromMessage(reply.message);
  if (answer === undefined) return rcodeReply(Rcode.SERVFAIL, 'rewrite');
  for (const change of undo) answer = change(answer);
  const own = nameText(request.labels);
  // Owners that equal the question take its spelling (0x20).
  const spelled = (name: Name) => (nameText(name) === own ? request.query.labels : name);
  return { ...rest(reply), kind: 'answer', answer: renameAnswer(answer, spelled, (n) => n) };
}

function rest(reply: Reply): { by?: string; error?: string } {
  return {
    ...(reply.by === undefined ? {} : { by: reply.by }),
    ...(reply.error === undefined ? {} : { error: reply.error }),
  };
}

function fromMessage(message: Buffer): Answer | undefined {
  const decoded = decodeAnswer(message);
  if (decoded === undefined) return undefined;
  const has = (flag: number) => (decoded.flags & flag) !== 0;
  return {
    ...decoded,
    authoritative: has(Flag.AA),
    recursionAvailable: has(Flag.RA),
    truncated: has(Flag.TC),
  };
}

function parseRule(directive: Directive): Rule {
  const args = [...directive.args];
  let stop = true;
  if (args[0] === 'continue' || args[0] === 'stop') stop = args.shift() === 'stop';
  // The block form is the one-line form over two lines.
  for (const line of directive.block) args.push(line.name, ...line.args);
  const [field, ...rest] = args;
  const make = field === undefined ? undefined : fields[field];
  if (make === undefined) throw directiveError(directive, `invalid rule type ${JSON.stringify(field ?? '')}`);
  try {
    return { stop, apply: make(rest, directive) };
  } catch (error) {
    if (error instanceof SyntaxError)
      throw directiveError(directive, `invalid regular expression: ${error.message}`);
    throw error;
  }
}

const fields: Record<string, ((args: string[], at: Directive) => Rule['apply']) | undefined> = {
  name: nameRule,
  type: (args, at) => {
    const [from, to] = [typeNumber(args[0], at), typeNumber(args[1], at)];
    return (request) =>
      request.query.type === from ? { request: withQuestion(request, { type: to }) } : undefined;
  },
  class: (args, at) => {
    const [from, to] = [classNumber(args[0], at), classNumber(args[1], at)];
    return (request) =>
      request.query.class === from ? { request: withQuestion(request, { class: to }) } : undefined;
  },
  ttl: (args, at) => {
    const { match, rest } = matchOf(args);
    const [from, seconds] = pair(rest, at);
    const [low, high = low] = (seconds ?? '').split('-', 2);
    const [min, max] = [integer(low || '0', at), integer(high === '' ? '2147483647' : high, at)];
    const test = nameRewrite(match, lower(from), from, false);
    const clamp = (ttl: number) => Math.min(max, Math.max(min, ttl));
    return (request) =>
      test.apply(nameText(request.labels)) === undefined
        ? undefined
        : {
            request: { ...request },
            reply: (a) => ({ ...a, answers: a.answers.map((r) => ({ ...r, ttl: clamp(r.ttl) })) }),
          };
  },
  rcode: (args, at) => {
    const { match, rest } = matchOf(args);
    if (rest.length !== 3) throw argumentError(at);
    const [name, from, to] = rest as [string, string, string];
    const test = nameRewrite(match, lower(name), name, false);
    const [source, target] = [rcodeNumber(from, at), rcodeNumber(to, at)];
    return (request) =>
      test.apply(nameText(request.labels)) === undefined
        ? undefined
        : { request: { ...request }, reply: (a) => (a.rcode === source ? { ...a, rcode: target } : a) };
  },
};

function matchOf(args: string[]): { match: Match; rest: string[] } {
  const match = MATCHES.find((m) => m === args[0]);
  return match === undefined ? { match: 'exact', rest: args } : { match, rest: args.slice(1) };
}

function pair(args: string[], at: Directive): [string, string] {
  if (args.length !== 2) throw argumentError(at);
  return [args[0]!, args[1]!];
}

/** `name [MATCH] FROM TO [answer auto | answer [name] FROM TO | answer value FROM TO]...` */
function nameRule(args: string[], at: Directive): Rule['apply'] {
  const { match, rest } = matchOf(args);
  if (rest.length < 2) throw argumentError(at);
  const [from, to, ...answers] = rest as [string, string, ...string[]];
  const auto = answers[0] === 'answer' && answers[1] === 'auto';
  const rule = nameRewrite(match, match === 'regex' ? from : lower(from), lower(to), auto);
  const renames = auto ? undefined : answerRules(answers, at);
  return (request) => {
    const asked = nameText(request.labels);
    const name = rule.apply(asked);
    if (name === undefined) return undefined;
    const labels = parseName(name);
    const reply = undoOf(rule, renames);
    const changed = withQuestion(request, { labels });
    return reply === undefined ? { request: changed } : { request: changed, reply };
  };
}

type Renames = { owner: ((name: string) => string)[]; value: ((name: string) => string)[] };

/** What is done to the answers' names; undefined when they stay as they are. */
function undoOf(rule: NameRewrite, renames: Renames | undefined): ((answer: Answer) => Answer) | undefined {
  const { revert } = rule;
  const owner = [...(renames?.owner ?? []), ...(revert === undefined ? [] : [revert])];
  const value = [...(renames?.value ?? []), ...(revert === undefined ? [] : [revert])];
  if (owner.length + value.length === 0) return undefined;
  const through = (changes: ((name: string) => string)[]) => (name: Name) => {
    const text = nameText(name);
    const changed = changes.reduce((n, change) => change(n), text);
    return changed === text ? name : parseName(changed);
  };
  return (answer) => renameAnswer(answer, through(owner), through(value));
}

function answerRules(args: string[], at: Directive): Renames {
  const renames: Renames = { owner: [], value: [] };
  let left = args;
  while (left.length > 0) {
    const [keyword, ...after] = left;
    if (keyword !== 'answer')
      throw directiveError(at, `unexpected ${JSON.stringify(keyword)} in a name rule`);
    const kind = after[0] === 'name' || after[0] === 'value' ? after[0] : undefined;
    const [from, to] = kind === undefined ? after : after.slice(1);
    if (from === undefined || to === undefined) throw argumentError(at);
    const pattern = new RegExp(from);
    const change = (name: string) => substitute(pattern, name, to) ?? withDot(name);
    renames[kind === 'value' ? 'value' : 'owner'].push(change);
    left = after.slice(kind === undefined ? 2 : 3);
  }
  return renames;
}

function withQuestion(
  request: DnsRequest,
  change: { labels?: Name; type?: number; class?: number },
): DnsRequest {
  const labels = change.labels ?? request.query.labels;
  const type = change.type ?? request.query.type;
  const queryClass = change.class ?? request.query.class;
  const question = encodeQuestion(labels, type, queryClass);
  return {
    ...request,
    labels: labels.map(lower),
    query: { ...request.query, labels: [...labels], type, class: queryClass, question },
  };
}

function typeNumber(text: string | undefined, at: Directive): number {
  const known = Object.entries(Type).find(([name]) => name === text?.toUpperCase());
  const numeric = /^TYPE(\d{1,5})$/i.exec(text ?? '');
  if (known === undefined && numeric === null)
    throw directiveError(at, `invalid type ${JSON.stringify(text ?? '')}`);
  return known?.[1] ?? Number(numeric![1]);
}

function classNumber(text: string | undefined, at: Directive): number {
  const known: Record<string, number> = { IN: Class.IN, CH: Class.CH, HS: 4, ANY: Class.ANY };
  const value = known[text?.toUpperCase() ?? ''];
  if (value === undefined) throw directiveError(at, `invalid class ${JSON.stringify(text ?? '')}`);
  return value;
}

function rcodeNumber(text: string, at: Directive): number {
  const known = Object.entries(Rcode).find(([name]) => name === text.toUpperCase());
  if (known === undefined && !/^\d{1,2}$/.test(text))
    throw directiveError(at, `invalid rcode ${JSON.stringify(text)}`);
  return known?.[1] ?? Number(text);
}
