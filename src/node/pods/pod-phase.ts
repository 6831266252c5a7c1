import type { core } from '#api';
import type { ContainerView } from './container-state.js';

/** Whether a container has failed for good or succeeded, and will not run again under the restart policy. */
export function isFinished(view: ContainerView, restartPolicy: string): boolean {
  if (view.state.kind !== 'terminated' || view.role === 'sidecar') return false;
  const succeeded = view.state.terminated.exitCode === 0;
  if (view.role === 'init') return succeeded || restartPolicy === 'Never';
  if (view.role === 'ephemeral') return true;
  return restartPolicy === 'Never' || (restartPolicy === 'OnFailure' && succeeded);
}

/** Nothing of the pod will run again: every main container is finished, or an init container failed for good. */
export function isPodFinished(views: ContainerView[], restartPolicy: string): boolean {
  const main = views.filter((view) => view.role === 'main');
  if (main.every((view) => isFinished(view, restartPolicy))) return true;
  return restartPolicy === 'Never' && hasFailedInit(views);
}

/** An init container counts as done when it succeeded; a sidecar when it has started. */
export function isInitialized(view: ContainerView): boolean {
  return view.role === 'sidecar'
    ? view.started
    : view.state.kind === 'terminated' && view.state.terminated.exitCode === 0;
}

function hasFailedInit(views: ContainerView[]): boolean {
  return views.some(
    (view) =>
      view.role === 'init' && view.state.kind === 'terminated' && view.state.terminated.exitCode !== 0,
  );
}

/**
 * The pod's phase from its containers (kubelet_pods.go getPhase). `ending` is true once the pod will not run
 * again (deleted or past its deadline): the exit codes then decide.
 */
export function podPhase(
  pod: Pick<core.Pod, 'spec'>,
  views: ContainerView[],
  ending = false,
): 'Pending' | 'Running' | 'Succeeded' | 'Failed' {
  const policy = pod.spec?.restartPolicy ?? 'Always';
  const init = views.filter((view) => view.role === 'init' || view.role === 'sidecar');
  const main = views.filter((view) => view.role === 'main');
  if (policy === 'Never' && hasFailedInit(init)) return 'Failed';
  const begun = main.some((view) => view.state.kind !== 'waiting' || view.last !== undefined);
  if (!begun && init.some((view) => !isInitialized(view))) return 'Pending';
  const waiting = main.filter((view) => view.state.kind === 'waiting' && view.last === undefined).length;
  if (waiting > 0) return 'Pending';
  if (main.some((view) => view.state.kind === 'running')) return 'Running';
  if (views.some((view) => view.role === 'sidecar' && view.state.kind === 'running')) return 'Running';
  return stoppedPhase(main, policy, ending);
}

function stoppedPhase(
  main: ContainerView[],
  policy: string,
  ending: boolean,
): 'Running' | 'Succeeded' | 'Failed' {
  if (policy === 'Always' && !ending) return 'Running';
  const succeeded = main.every(
    (view) => view.state.kind === 'terminated' && view.state.terminated.exitCode === 0,
  );
  if (succeeded) return 'Succeeded';
  return policy === 'Never' || ending ? 'Failed' : 'Running';
}
