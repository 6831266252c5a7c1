import type { meta } from '#api';

/** True for `{}`: selects everything, which workload controllers treat as a mistake. */
export function isEmptySelector(selector: meta.LabelSelector | undefined): boolean {
  return (
    Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0
  );
}
