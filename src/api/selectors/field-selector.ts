import { SelectorError } from './selector-error.js';

/** One condition on one field. */
export interface FieldRequirement {
  field: string;
  operator: '=' | '!=';
  value: string;
}

/** Requirements that must all hold (fields.Selector). Absent fields count as empty. */
export class FieldSelector {
  readonly requirements: readonly FieldRequirement[];

  constructor(requirements: readonly FieldRequirement[]) {
    this.requirements = requirements;
  }

  /** Selects everything. */
  get empty(): boolean {
    return this.requirements.length === 0;
  }

  matches(fields: Readonly<Record<string, string>>): boolean {
    for (const { field, operator, value } of this.requirements) {
      const actual = Object.hasOwn(fields, field) ? fields[field]! : '';
      if ((actual === value) !== (operator === '=')) return false;
    }
    return true;
  }

  /** The value that a field must have, when a requirement pins it to one. */
  exactValue(field: string): string | undefined {
    return this.requirements.find((r) => r.field === field && r.operator === '=')?.value;
  }

  toString(): string {
    return this.requirements.map((r) => `${r.field}${r.operator}${escapeValue(r.value)}`).join(',');
  }
}

/** `\`, `,` and `=` escaped for use as a value. */
export function escapeValue(value: string): string {
  return value.replace(/[\\,=]/g, (char) => `\\${char}`);
}

/** Parses `a=b,c!=d` (fields.ParseSelector) with upstream's errors. Throws SelectorError. */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text).sort()) {
    if (term === '') continue;
    const at = operatorAt(term);
    if (at === undefined) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    requirements.push({
      field: term.slice(0, at.index),
      operator: at.length === 2 && term[at.index] === '!' ? '!=' : '=',
      value: unescapeValue(term.slice(at.index + at.length)),
    });
  }
  return new FieldSelector(requirements);
}

/** Splits at commas that no backslash escapes. */
function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function operatorAt(term: string): { index: number; length: number } | undefined {
  for (let index = 0; index < term.length; index++) {
    if (term.startsWith('!=', index) || term.startsWith('==', index)) return { index, length: 2 };
    if (term[index] === '=') return { index, length: 1 };
  }
  return undefined;
}

function unescapeValue(text: string): string {
  let value = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === ',' || char === '=')
      throw new SelectorError(`invalid field selector: unescaped character in value: ${char}`);
    if (char !== '\\') {
      value += char;
      continue;
    }
    const next = text[++i];
    if (next !== '\\' && next !== ',' && next !== '=') {
      throw new SelectorError(`invalid field selector: invalid escape sequence: \\${next ?? ''}`);
    }
    value += next;
  }
  return value;
}
