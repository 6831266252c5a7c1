import type { core } from '#api';
import type { RuntimeContainer } from '../runtime.js';

/** Which part a container plays in its pod; sidecars are init containers that go on running. */
export type ContainerRole = 'init' | 'sidecar' | 'main' | 'ephemeral';

export interface Terminated {
  exitCode: number;
  signal: number;
  reason: string;
  message?: string;
  startedAt: number;
  finishedAt: number;
  containerID: string;
}

export type UnitState =
  | { kind: 'waiting'; reason: string; message?: string }
  | { kind: 'running'; container: RuntimeContainer }
  | { kind: 'terminated'; terminated: Terminated };

/** What the status of a container is made of. */
export interface ContainerView {
  name: string;
  role: ContainerRole;
  image: string;
  imageID: string;
  state: UnitState;
  last: Terminated | undefined;
  restartCount: number;
  /** The startup probe has succeeded, or there is none and the container runs. */
  started: boolean;
  /** Running, started and (by its readiness probe) ready; for a completed init container: it succeeded. */
  ready: boolean;
}

/** RFC 3339 with seconds, as metav1.Time is written. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

export function containerID(id: string): string {
  return `kubesvc://${id}`;
}

function terminatedStatus(t: Terminated): core.ContainerStateTerminated {
  return {
    exitCode: t.exitCode,
    ...(t.signal === 0 ? {} : { signal: t.signal }),
    reason: t.reason,
    ...(t.message === undefined || t.message === '' ? {} : { message: t.message }),
    startedAt: timeText(t.startedAt),
    finishedAt: timeText(t.finishedAt),
    ...(t.containerID === '' ? {} : { containerID: t.containerID }),
  };
}

function stateStatus(state: UnitState): core.ContainerState {
  if (state.kind === 'running') return { running: { startedAt: timeText(state.container.startedAt) } };
  if (state.kind === 'terminated') return { terminated: terminatedStatus(state.terminated) };
  const { reason, message } = state;
  return { waiting: { reason, ...(message === undefined ? {} : { message }) } };
}

function idOf(view: ContainerView): string | undefined {
  if (view.state.kind === 'running') return containerID(view.state.container.id);
  const terminated = view.state.kind === 'terminated' ? view.state.terminated : view.last;
  return terminated?.containerID || undefined;
}

/** The containerStatuses entry of a container. */
export function containerStatus(view: ContainerView): core.ContainerStatus {
  const id = idOf(view);
  return {
    name: view.name,
    state: stateStatus(view.state),
    lastState: view.last === undefined ? {} : { terminated: terminatedStatus(view.last) },
    ready: view.ready,
    restartCount: view.restartCount,
    image: view.image,
    imageID: view.imageID,
    ...(id === undefined ? {} : { containerID: id }),
    started: view.started,
  };
}
