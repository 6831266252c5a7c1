import type { core } from '../types/index.js';
import { age, ageColumn, type Cell, column, nameColumn, type Printer, printer } from './columns.js';
import { timeSince } from './duration.js';

const NONE = '<none>';

/** What the pass over the containers finds. */
interface Tally {
  reason: string;
  ready: number;
  restarts: number;
  lastRestart: string | undefined;
}

function later(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Date.parse(b) > Date.parse(a) ? b : a;
}

const lastTermination = (status: core.ContainerStatus): string | undefined =>
  status.lastState?.terminated?.finishedAt;

function terminationText(prefix: string, state: core.ContainerStateTerminated): string {
  if ((state.reason ?? '') !== '') return `${prefix}${state.reason}`;
  return (state.signal ?? 0) !== 0
    ? `${prefix}Signal:${state.signal}`
    : `${prefix}ExitCode:${state.exitCode}`;
}

const isTrue = (pod: core.Pod, type: string): boolean =>
  (pod.status?.conditions ?? []).some((one) => one.type === type && one.status === 'True');

function initialReason(pod: core.Pod): string {
  const status = pod.status ?? {};
  const gated = (status.conditions ?? []).some(
    (one) => one.type === 'PodScheduled' && one.reason === 'SchedulingGated',
  );
  return gated ? 'SchedulingGated' : (status.reason ?? '') || (status.phase ?? '');
}

/** Why initialisation has not come past this container; undefined when it has. */
function initReason(status: core.ContainerStatus, index: number, total: number): string {
  const { terminated, waiting } = status.state ?? {};
  if (terminated !== undefined) return terminationText('Init:', terminated);
  const reason = waiting?.reason ?? '';
  return reason !== '' && reason !== 'PodInitializing' ? `Init:${reason}` : `Init:${index}/${total}`;
}

/** Init containers and sidecars: restarts count while initialising, those of sidecars for ever. */
function tallyInit(pod: core.Pod): { all: Tally; sidecars: Tally; initializing: boolean } {
  const specs = pod.spec?.initContainers ?? [];
  const sidecar = new Set(specs.filter((one) => one.restartPolicy === 'Always').map((one) => one.name));
  const all: Tally = { reason: initialReason(pod), ready: 0, restarts: 0, lastRestart: undefined };
  const sidecars: Tally = { ...all };
  for (const [i, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    all.restarts += status.restartCount;
    all.lastRestart = later(all.lastRestart, lastTermination(status));
    if (sidecar.has(status.name)) {
      sidecars.restarts += status.restartCount;
      sidecars.lastRestart = later(sidecars.lastRestart, lastTermination(status));
    }
    if (status.state?.terminated?.exitCode === 0) continue;
    if (sidecar.has(status.name) && status.started === true) {
      if (status.ready) sidecars.ready++;
      continue;
    }
    all.reason = initReason(status, i, specs.length);
    all.ready = sidecars.ready;
    sidecars.reason = all.reason;
    return { all, sidecars, initializing: true };
  }
  return { all, sidecars, initializing: false };
}

/** Regular containers, last first: the first one's reason wins. */
function tallyContainers(pod: core.Pod, tally: Tally): Tally {
  let running = false;
  for (const status of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    tally.restarts += status.restartCount;
    tally.lastRestart = later(tally.lastRestart, lastTermination(status));
    const { waiting, terminated } = status.state ?? {};
    if ((waiting?.reason ?? '') !== '') tally.reason = waiting!.reason!;
    else if (terminated !== undefined) tally.reason = terminationText('', terminated);
    else if (status.ready && status.state?.running !== undefined) {
      running = true;
      tally.ready++;
    }
  }
  if (tally.reason === 'Completed' && running) tally.reason = isTrue(pod, 'Ready') ? 'Running' : 'NotReady';
  return tally;
}

function finalReason(pod: core.Pod, reason: string): string {
  if (pod.metadata.deletionTimestamp === undefined) return reason;
  if (pod.status?.reason === 'NodeLost') return 'Unknown';
  const phase = pod.status?.phase;
  return phase === 'Succeeded' || phase === 'Failed' ? reason : 'Terminating';
}

function tallyPod(pod: core.Pod): Tally {
  const { all, sidecars, initializing } = tallyInit(pod);
  const tally = !initializing || isTrue(pod, 'Initialized') ? tallyContainers(pod, sidecars) : all;
  return { ...tally, reason: finalReason(pod, tally.reason) };
}

function readinessGates(pod: core.Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return NONE;
  return `${gates.filter((gate) => isTrue(pod, gate.conditionType)).length}/${gates.length}`;
}

function podCells(pod: core.Pod, now: number): Cell[] {
  const { reason, ready, restarts, lastRestart } = tallyPod(pod);
  const sidecars = (pod.spec?.initContainers ?? []).filter((one) => one.restartPolicy === 'Always').length;
  const total = (pod.spec?.containers ?? []).length + sidecars;
  const ago = restarts !== 0 && lastRestart !== undefined ? ` (${timeSince(lastRestart, now)} ago)` : '';
  return [
    pod.metadata.name ?? '',
    `${ready}/${total}`,
    reason,
    `${restarts}${ago}`,
    age(pod, now),
    pod.status?.podIPs?.[0]?.ip || NONE,
    pod.spec?.nodeName || NONE,
    pod.status?.nominatedNodeName || NONE,
    readinessGates(pod),
  ];
}

export const podPrinter: Printer = printer(
  [
    nameColumn,
    column('Ready', 'string', 'The aggregate readiness state of this pod for accepting traffic.'),
    column('Status', 'string', 'The aggregate status of the containers in this pod.'),
    column(
      'Restarts',
      'string',
      'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
    ),
    ageColumn,
    column('*IP', 'string', 'podIP address allocated to the pod.'),
    column('*Node', 'string', 'NodeName indicates in which node this pod is scheduled.'),
    column('*Nominated Node', 'string', 'The node that preemption has nominated for this pod.'),
    column('*Readiness Gates', 'string', 'Readiness gates of the pod that are true, and how many there are.'),
  ],
  podCells,
);
