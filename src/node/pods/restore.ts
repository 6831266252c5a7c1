import type { core } from '#api';
import type { ContainerRole, Terminated } from './container-state.js';
import type { Restored } from './container-unit.js';

/** Exit code for containers whose end nobody saw, as the kubelet reports after a reboot. */
const UNKNOWN_EXIT = 137;

function terminatedFrom(state: core.ContainerStateTerminated): Terminated {
  return {
    exitCode: state.exitCode,
    signal: state.signal ?? 0,
    reason: state.reason ?? '',
    ...(state.message === undefined ? {} : { message: state.message }),
    startedAt: Date.parse(state.startedAt ?? '') || 0,
    finishedAt: Date.parse(state.finishedAt ?? '') || 0,
    containerID: state.containerID ?? '',
  };
}

/** A container that ran when the agent ended: its process ended with the agent. */
function lost(status: core.ContainerStatus, now: number): Terminated {
  return {
    exitCode: UNKNOWN_EXIT,
    signal: 0,
    reason: 'ContainerStatusUnknown',
    message: 'The node agent was restarted; its containers ended with it',
    startedAt: Date.parse(status.state?.running?.startedAt ?? '') || now,
    finishedAt: now,
    containerID: status.containerID ?? '',
  };
}

/**
 * What a container was before the agent started, by the stored status: ended containers stay ended, running
 * ones ended with the old agent. Init containers run again with the new sandbox, as after a reboot.
 */
export function restoredState(
  pod: core.Pod,
  name: string,
  role: ContainerRole,
  now: number,
): Restored | undefined {
  const { status } = pod;
  const all = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
  const stored = all.find((candidate) => candidate.name === name);
  if (stored === undefined) return undefined;
  const { state, lastState, restartCount } = stored;
  const last = lastState?.terminated === undefined ? undefined : terminatedFrom(lastState.terminated);
  const ended =
    state?.terminated !== undefined
      ? terminatedFrom(state.terminated)
      : state?.running !== undefined
        ? lost(stored, now)
        : undefined;
  if (ended === undefined)
    return { state: { kind: 'waiting', reason: 'ContainerCreating' }, last, restartCount };
  if (role === 'init')
    return { state: { kind: 'waiting', reason: 'PodInitializing' }, last: ended, restartCount };
  return { state: { kind: 'terminated', terminated: ended }, last, restartCount };
}
