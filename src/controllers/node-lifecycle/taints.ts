import type { core } from '#api';

export type ReadyStatus = 'True' | 'False' | 'Unknown';

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';
/** Conditions that keep new Pods away while they are True. */
const PRESSURES: Record<string, string> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
const MANAGED_NO_SCHEDULE = new Set([NOT_READY, UNREACHABLE, UNSCHEDULABLE, ...Object.values(PRESSURES)]);
const MANAGED_NO_EXECUTE = new Set([NOT_READY, UNREACHABLE]);

export function readyStatus(node: core.Node): ReadyStatus {
  const status = node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status;
  return status === 'True' || status === 'False' ? status : 'Unknown';
}

/**
 * The Node's taints as its conditions want them (TaintNodesByCondition); taints of others stay as they are.
 * `evict`: Pods are to leave an unready Node.
 */
export function wantedTaints(node: core.Node, evict: boolean, now: string): core.Taint[] {
  const current = node.spec?.taints ?? [];
  const foreign = current.filter(
    ({ key, effect }) =>
      !(effect === 'NoSchedule' && MANAGED_NO_SCHEDULE.has(key)) &&
      !(effect === 'NoExecute' && MANAGED_NO_EXECUTE.has(key)),
  );
  const have = (key: string, effect: string) =>
    current.find((taint) => taint.key === key && taint.effect === effect);
  const added = (key: string, effect: string) =>
    have(key, effect) ?? { key, effect, ...(effect === 'NoExecute' ? { timeAdded: now } : {}) };
  const noSchedule = noScheduleKeys(node).map((key) => added(key, 'NoSchedule'));
  const unready = unreadyKey(node);
  const noExecute = evict && unready !== undefined ? [added(unready, 'NoExecute')] : [];
  return [...foreign, ...noSchedule, ...noExecute];
}

function noScheduleKeys(node: core.Node): string[] {
  const unready = unreadyKey(node);
  const pressed = (node.status?.conditions ?? [])
    .filter(({ type, status }) => status === 'True' && PRESSURES[type] !== undefined)
    .map(({ type }) => PRESSURES[type]!);
  return [
    ...(unready === undefined ? [] : [unready]),
    ...pressed,
    ...(node.spec?.unschedulable === true ? [UNSCHEDULABLE] : []),
  ];
}

function unreadyKey(node: core.Node): string | undefined {
  const ready = readyStatus(node);
  return ready === 'True' ? undefined : ready === 'False' ? NOT_READY : UNREACHABLE;
}

/** The Node carries a NoExecute taint for not being ready. */
export function isEvicting(node: core.Node): boolean {
  return (node.spec?.taints ?? []).some(
    ({ key, effect }) => effect === 'NoExecute' && MANAGED_NO_EXECUTE.has(key),
  );
}

const HEARTBEAT_CONDITIONS = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** The conditions of a Node that nobody has heard of for too long. */
export function unknownConditions(node: core.Node, now: string): core.NodeCondition[] {
  const conditions = node.status?.conditions ?? [];
  const others = conditions.filter(({ type }) => !HEARTBEAT_CONDITIONS.includes(type));
  const unknown = HEARTBEAT_CONDITIONS.map((type) => {
    const known = conditions.find((condition) => condition.type === type);
    if (known === undefined)
      return {
        type,
        status: 'Unknown',
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
        lastHeartbeatTime: node.metadata.creationTimestamp ?? now,
        lastTransitionTime: now,
      };
    if (known.status === 'Unknown') return known;
    const reason = 'NodeStatusUnknown';
    const message = 'Kubelet stopped posting node status.';
    return { ...known, status: 'Unknown', reason, message, lastTransitionTime: now };
  });
  return [...others, ...unknown];
}
