import type { apps } from '#api';

type Condition = apps.DeploymentCondition;
type Status = apps.DeploymentStatus;

export function findCondition(status: Status | undefined, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export function withoutCondition(status: Status, type: string): Status {
  return { ...status, conditions: (status.conditions ?? []).filter((condition) => condition.type !== type) };
}

/** Sets a condition; one of equal status and reason stays as it is, an equal status keeps its transition time. */
export function withCondition(
  status: Status,
  condition: Pick<Condition, 'type' | 'status' | 'reason' | 'message'>,
  now: string,
): Status {
  const current = findCondition(status, condition.type);
  if (current?.status === condition.status && current.reason === condition.reason) return status;
  return replaceCondition(status, condition, now);
}

/** The same, but also renews lastUpdateTime of an equal condition: for progress made. */
export function replaceCondition(
  status: Status,
  condition: Pick<Condition, 'type' | 'status' | 'reason' | 'message'>,
  now: string,
): Status {
  const current = findCondition(status, condition.type);
  const since = current?.status === condition.status ? current.lastTransitionTime : now;
  const next = { ...condition, lastUpdateTime: now, lastTransitionTime: since ?? now };
  return { ...status, conditions: [...(withoutCondition(status, condition.type).conditions ?? []), next] };
}
