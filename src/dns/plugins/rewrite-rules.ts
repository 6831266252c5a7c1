import { formatName, lower, type Name } from '../wire/name.js';
import type { Answer, RecordData, ResourceRecord } from '../wire/record.js';

/** Names here are text with a trailing dot, in lower case: `a.b.` */
export interface NameRewrite {
  /** The new name, or undefined when the rule does not match. */
  apply(name: string): string | undefined;
  /** Undoes `apply` on owner names of answers; absent when there is nothing to undo automatically. */
  revert?(name: string): string;
}

export type Match = 'exact' | 'prefix' | 'suffix' | 'substring' | 'regex';

/** A name rule of plugin/rewrite. `answerAuto` also rewrites the owners of answers back. */
export function nameRewrite(match: Match, from: string, to: string, answerAuto: boolean): NameRewrite {
  switch (match) {
    case 'exact': {
      const [source, target] = [withDot(from), withDot(to)];
      return {
        apply: (name) => (name === source ? target : undefined),
        // An exact rewrite is always undone: answers otherwise belong to another question.
        revert: (name) => (name === target ? source : name),
      };
    }
    case 'prefix':
      return reversible(
        (name) => (name.startsWith(from) ? to + name.slice(from.length) : undefined),
        (name) => (name.startsWith(to) ? from + name.slice(to.length) : name),
        answerAuto,
      );
    case 'suffix': {
      const [source, target] = [withDot(from), withDot(to)];
      return reversible(
        (name) => (name.endsWith(source) ? name.slice(0, name.length - source.length) + target : undefined),
        (name) => (name.endsWith(target) ? name.slice(0, name.length - target.length) + source : name),
        answerAuto,
      );
    }
    case 'substring':
      return reversible(
        (name) => (name.includes(from) ? name.replaceAll(from, to) : undefined),
        (name) => name.replaceAll(to, from),
        answerAuto,
      );
    case 'regex': {
      const pattern = new RegExp(from);
      return { apply: (name) => substitute(pattern, name, to) };
    }
  }
}

function reversible(
  apply: (name: string) => string | undefined,
  revert: (name: string) => string,
  auto: boolean,
): NameRewrite {
  return auto ? { apply, revert } : { apply };
}

/** Upstream's groups: `{1}`; the whole name is replaced, with its dot kept. */
export function substitute(pattern: RegExp, name: string, to: string): string | undefined {
  const match = pattern.exec(name);
  if (match === null) return undefined;
  return withDot(to.replace(/\{(\d+)\}/g, (_all, group: string) => match[Number(group)] ?? ''));
}

export function withDot(name: string): string {
  return name.endsWith('.') ? name : `${name}.`;
}

/** Text of a name for rules; names with octets that text cannot hold match no rule. */
export function nameText(name: Name): string {
  return lower(formatName(name));
}

/** An answer with its owner names, and the names of its data where `values` says so, changed. */
export function renameAnswer(
  answer: Answer,
  owner: (name: Name) => Name,
  value: (name: Name) => Name,
): Answer {
  const rename = (record: ResourceRecord): ResourceRecord => ({
    ...record,
    name: owner(record.name),
    data: renameData(record.data, value),
  });
  return {
    ...answer,
    answers: answer.answers.map(rename),
    authority: answer.authority,
    additional: answer.additional.map(rename),
  };
}

function renameData(data: RecordData, value: (name: Name) => Name): RecordData {
  return 'target' in data ? { ...data, target: value(data.target) } : data;
}
