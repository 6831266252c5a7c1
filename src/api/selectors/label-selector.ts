import type { meta } from '../types/index.js';
import { type Token, tokenize } from './label-lexer.js';
import {
  checkKey,
  formatRequirement,
  type LabelOperator,
  type LabelRequirement,
  newRequirement,
  requirementMatches,
} from './label-requirement.js';
import { SelectorError } from './selector-error.js';

type Labels = Readonly<Record<string, string>> | undefined;

/** Requirements that must all hold (labels.Selector). */
export class LabelSelector {
  readonly requirements: readonly LabelRequirement[];
  readonly #nothing: boolean;

  constructor(requirements: readonly LabelRequirement[], nothing = false) {
    this.requirements = requirements;
    this.#nothing = nothing;
  }

  /** Selects everything. */
  get empty(): boolean {
    return !this.#nothing && this.requirements.length === 0;
  }

  matches(labels: Labels): boolean {
    if (this.#nothing) return false;
    for (const requirement of this.requirements) {
      if (!requirementMatches(requirement, labels ?? {})) return false;
    }
    return true;
  }

  /** The value that a label must have, when a requirement pins it to one. */
  exactValue(key: string): string | undefined {
    const found = this.requirements.find(
      (r) => r.key === key && r.values.length === 1 && PINS.has(r.operator),
    );
    return found?.values[0];
  }

  toString(): string {
    return this.requirements.map(formatRequirement).join(',');
  }
}

const PINS: ReadonlySet<LabelOperator> = new Set<LabelOperator>(['=', '==', 'in']);

export const everything = new LabelSelector([]);
export const nothing = new LabelSelector([], true);

/** Parses the text form (`a=b,c in (d,e),!f,g>5`), upstream's labels.Parse with its errors. Throws SelectorError. */
export function parseLabelSelector(text: string): LabelSelector {
  return new LabelSelector(new Parser(tokenize(text)).parse().sort((a, b) => compareText(a.key, b.key)));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Selects exactly these labels (spec.selector of Services and ReplicationControllers). Values are not checked. */
export function selectorFromMap(labels: Labels): LabelSelector {
  const keys = Object.keys(labels ?? {}).sort();
  return new LabelSelector(keys.map((key) => ({ key, operator: '=', values: [labels![key]!] })));
}

const OPERATORS: ReadonlyMap<string, LabelOperator> = new Map<string, LabelOperator>([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
]);

/** The object form (metav1.LabelSelectorAsSelector): absent selects nothing, empty everything. Throws SelectorError. */
export function labelSelectorOf(selector: meta.LabelSelector | null | undefined): LabelSelector {
  if (selector === null || selector === undefined) return nothing;
  const requirements = Object.entries(selector.matchLabels ?? {}).map(([key, value]) =>
    newRequirement(key, '=', [value]),
  );
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = OPERATORS.get(operator);
    if (known === undefined) {
      throw new SelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`);
    }
    requirements.push(newRequirement(key, known, values ?? []));
  }
  return new LabelSelector(requirements.sort((a, b) => compareText(a.key, b.key)));
}

const END: Token = { kind: 'end', text: '' };
const BINARY = 'in, notin, =, ==, !=, gt, lt';

class Parser {
  readonly #tokens: Token[];
  #at = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const next = this.#peek();
      if (next.kind === 'end') return requirements;
      if (!startsRequirement(next)) throw expected(next, "!, identifier, or 'end of string'");
      requirements.push(this.#wrapped());
      const after = this.#take();
      if (after.kind === 'end') return requirements;
      if (after.kind !== ',') throw expected(after, "',' or 'end of string'");
      if (!startsRequirement(this.#peek())) throw expected(this.#peek(), "identifier after ','");
    }
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? END;
  }

  #take(): Token {
    return this.#tokens[this.#at++] ?? END;
  }

  #wrapped(): LabelRequirement {
    try {
      return this.#requirement();
    } catch (error) {
      if (error instanceof SelectorError)
        throw new SelectorError(`unable to parse requirement: ${error.message}`);
      throw error;
    }
  }

  #requirement(): LabelRequirement {
    const negated = this.#peek().kind === '!';
    if (negated) this.#take();
    const key = this.#take();
    if (key.kind !== 'identifier') throw expected(key, 'identifier');
    checkKey(key.text, '<nil>');
    if (negated) return newRequirement(key.text, '!', []);
    const next = this.#peek();
    if (next.kind === 'end' || next.kind === ',') return newRequirement(key.text, 'exists', []);
    const operator = this.#operator();
    const values = operator === 'in' || operator === 'notin' ? this.#values() : this.#exactValue();
    return newRequirement(key.text, operator, [...new Set(values)].sort());
  }

  #operator(): LabelOperator {
    const { kind, text } = this.#take();
    if (kind === 'identifier' && (text === 'in' || text === 'notin')) return text;
    if (kind === 'operator') {
      if (text === '>') return 'gt';
      if (text === '<') return 'lt';
      return text as LabelOperator;
    }
    throw new SelectorError(`found '${text}', expected: ${BINARY}`);
  }

  #exactValue(): string[] {
    const next = this.#peek();
    if (next.kind === 'end' || next.kind === ',') return [''];
    this.#take();
    if (next.kind !== 'identifier') throw expected(next, 'identifier');
    return [next.text];
  }

  #values(): string[] {
    const open = this.#take();
    if (open.kind !== '(') throw new SelectorError(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.kind === ')') {
      this.#take();
      return [];
    }
    if (first.kind !== 'identifier' && first.kind !== ',') {
      throw expected(first, "',', ')' or identifier");
    }
    return this.#list();
  }

  /** Up to and with the closing parenthesis; nothing between commas is the empty value. */
  #list(): string[] {
    const values: string[] = [];
    for (;;) {
      let value = '';
      if (this.#peek().kind === 'identifier') value = this.#take().text;
      values.push(value);
      const next = this.#take();
      if (next.kind === ')') return values;
      if (next.kind !== ',') throw expected(next, value === '' ? "',', or identifier" : "',' or ')'");
    }
  }
}

function startsRequirement({ kind }: Token): boolean {
  return kind === 'identifier' || kind === '!';
}

function expected(found: Token, what: string): SelectorError {
  return new SelectorError(`found '${found.text}', expected: ${what}`);
}
