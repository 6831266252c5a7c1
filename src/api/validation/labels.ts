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

/**
 * The operators that label selectors and node affinity share, and how many values they take. False for any other
 * operator, which is not judged.
 */
export function checkSetOperator(
  check: Check,
  path: Path,
  operator: string | undefined,
  values: readonly string[],
): boolean {
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        check.required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
      }
      return true;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        check.forbidden(
          `${path}.values`,
          "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        );
      }
      return true;
    default:
      return false;
  }
}

function checkRequirement(check: Check, path: Path, requirement: meta.LabelSelectorRequirement): void {
  const values = requirement.values ?? [];
  if (!checkSetOperator(check, path, requirement.operator, values)) {
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
