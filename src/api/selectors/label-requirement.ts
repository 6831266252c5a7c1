import { labelValue, qualifiedName } from '../validation/formats.js';
import { SelectorError } from './selector-error.js';

/** Operators of a requirement, as `labels.Requirement` keeps them. */
export type LabelOperator = 'in' | 'notin' | '=' | '==' | '!=' | 'exists' | '!' | 'gt' | 'lt';

/** One condition on one label. Values are sorted and unique. */
export interface LabelRequirement {
  key: string;
  operator: LabelOperator;
  values: string[];
}

/** Builds a checked requirement (labels.NewRequirement); throws SelectorError. */
export function newRequirement(key: string, operator: LabelOperator, values: string[]): LabelRequirement {
  checkKey(key, 'key');
  checkCount(operator, values);
  values.forEach((value, i) => {
    const wrong = labelValue(value);
    if (wrong.length > 0) {
      throw new SelectorError(
        `values[${i}][${key}]: Invalid value: ${JSON.stringify(value)}: ${wrong.join('; ')}`,
      );
    }
  });
  return { key, operator, values: [...new Set(values)].sort() };
}

export function checkKey(key: string, path: string): void {
  const wrong = qualifiedName(key);
  if (wrong.length > 0) {
    throw new SelectorError(`${path}: Invalid value: ${JSON.stringify(key)}: ${wrong.join('; ')}`);
  }
}

function checkCount(operator: LabelOperator, values: string[]): void {
  const shown = JSON.stringify(values);
  if ((operator === 'in' || operator === 'notin') && values.length === 0) {
    throw new SelectorError(
      `values: Invalid value: ${shown}: for 'in', 'notin' operators, values set can't be empty`,
    );
  }
  if (operator !== 'gt' && operator !== 'lt') return;
  if (values.length !== 1) {
    throw new SelectorError(
      `values: Invalid value: ${shown}: for 'Gt', 'Lt' operators, exactly one value is required`,
    );
  }
  if (toInteger(values[0]!) === undefined) {
    throw new SelectorError(
      `values[0]: Invalid value: ${JSON.stringify(values[0])}: for 'Gt', 'Lt' operators, the value must be an integer`,
    );
  }
}

function toInteger(text: string): bigint | undefined {
  if (!/^[-+]?[0-9]{1,19}$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** Whether the labels fulfil the requirement. An absent label fulfils `notin` and `!=`. */
export function requirementMatches(
  { key, operator, values }: LabelRequirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key]! : undefined;
  switch (operator) {
    case 'in':
    case '=':
    case '==':
      return value !== undefined && values.includes(value);
    case 'notin':
    case '!=':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    default:
      return compares(operator, value, values[0]!);
  }
}

function compares(operator: 'gt' | 'lt', value: string | undefined, bound: string): boolean {
  const left = value === undefined ? undefined : toInteger(value);
  const right = toInteger(bound);
  if (left === undefined || right === undefined) return false;
  return operator === 'gt' ? left > right : left < right;
}

/** The requirement in the grammar that `parseLabelSelector` reads. */
export function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.join(',')})`;
    case 'gt':
      return `${key}>${values[0]}`;
    case 'lt':
      return `${key}<${values[0]}`;
    default:
      return `${key}${operator}${values[0] ?? ''}`;
  }
}
