import type { meta } from '../types/index.js';
import type { Check, Path } from './field-error.js';
import { labelValue, qualifiedName } from './formats.js';

/** A label key at its own path (upstream's ValidateLabelName). */
export function checkLabelName(check: Check, path: Path, name: string): void {
  check.invalidEach(path, name, qualifiedName(name));
}

/** Labels; errors carry the path of the map, as upstream prints them. */
export function checkLabels(check: Check, path: Path, labels: Record<string, string> | undefined): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    checkLabelName(check, path, key);
    check.invalidEach(path, value, labelValue(value));
  }
}

const MAX_ANNOTATION_BYTES = 256 * 1024;

/** Annotations: qualified names whatever the case, 256 KiB in total. */
export function checkAnnotations(
  check: Check,
  path: Path,
  annotations: Record<string, string> | undefined,
): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    check.invalidEach(path, key, qualifiedName(key.toLowerCase()));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > MAX_ANNOTATION_BYTES) check.tooLong(path, MAX_ANNOTATION_BYTES);
}

function checkRequirement(check: Check, path: Path, requirement: meta.LabelSelectorRequirement): void {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        check.required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        check.forbidden(
          `${path}.values`,
          "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        );
      }
      break;
    default:
      check.invalid(`${path}.operator`, requirement.operator ?? '', 'not a valid selector operator');
  }
  checkLabelName(check, `${path}.key`, requirement.key ?? '');
  values.forEach((value, i) => {
    check.invalidEach(`${path}.values[${i}]`, value, labelValue(value));
  });
}

/** A label selector; absent is valid. */
export function checkLabelSelector(check: Check, path: Path, selector: meta.LabelSelector | undefined): void {
  if (selector === undefined) return;
  checkLabels(check, `${path}.matchLabels`, selector.matchLabels);
  (selector.matchExpressions ?? []).forEach((requirement, i) => {
    checkRequirement(check, `${path}.matchExpressions[${i}]`, requirement);
  });
}

/** True for a selector that would select everything. */
export function isEmptySelector(selector: meta.LabelSelector | undefined): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions ?? []).length === 0;
}

/** Whether the labels satisfy the selector. Invalid operators match nothing. */
export function selectorMatches(selector: meta.LabelSelector, labels: Record<string, string>): boolean {
  const has = (key: string): boolean => Object.hasOwn(labels, key);
  const equal = Object.entries(selector.matchLabels ?? {}).every(([k, v]) => has(k) && labels[k] === v);
  return (
    equal &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      if (operator === 'Exists') return has(key);
      if (operator === 'DoesNotExist') return !has(key);
      if (operator === 'In') return has(key) && values.includes(labels[key]!);
      return operator === 'NotIn' && !(has(key) && values.includes(labels[key]!));
    })
  );
}
