import type { core } from '#api';

/** Whether a toleration covers a taint (v1.Toleration.ToleratesTaint); empty fields match everything. */
export function tolerates(toleration: core.Toleration, taint: core.Taint): boolean {
  if ((toleration.effect ?? '') !== '' && toleration.effect !== taint.effect) return false;
  if ((toleration.key ?? '') !== '' && toleration.key !== taint.key) return false;
  const operator = toleration.operator || 'Equal';
  if (operator === 'Exists') return true;
  return operator === 'Equal' && (toleration.value ?? '') === (taint.value ?? '');
}

/** The first of the taints with one of these effects that no toleration covers. */
export function untolerated(
  tolerations: core.Toleration[] | undefined,
  taints: core.Taint[] | undefined,
  effects: string[],
): core.Taint | undefined {
  return (taints ?? []).find(
    (taint) => effects.includes(taint.effect) && !(tolerations ?? []).some((t) => tolerates(t, taint)),
  );
}
