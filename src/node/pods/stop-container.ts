import type { core } from '#api';
import type { Clock } from '#base';
import type { ProbeTarget } from '../probes/run-probe.js';
import type { RuntimeContainer } from '../runtime.js';
import type { Deadline } from './deadline.js';
import { runHook } from './hooks.js';

/** After a hook there is always a little time to end (kuberuntime minimumGracePeriodInSeconds). */
const MIN_SHUTDOWN_MS = 2000;

export interface StopRequest {
  container: RuntimeContainer;
  spec: core.Container;
  deadline: Deadline;
  target: ProbeTarget;
  clock: Clock;
  onHookError: (error: unknown) => void;
}

/** Hook, signal, and SIGKILL when the deadline comes. Resolves when the container has ended. */
export async function stopContainer(request: StopRequest): Promise<void> {
  const { container, spec, deadline, clock } = request;
  const hook = spec.lifecycle?.preStop;
  if (hook !== undefined && !deadline.isReached) await runPreStop(hook, request);
  container.signal((spec.lifecycle?.stopSignal as NodeJS.Signals | undefined) ?? 'SIGTERM');
  const killAt = hook === undefined ? deadline.reached : atLeast(deadline, clock);
  await Promise.race([container.exited, killAt]);
  container.kill();
  await container.exited;
}

async function runPreStop(hook: core.LifecycleHandler, request: StopRequest): Promise<void> {
  const { container, deadline, target, clock, onHookError } = request;
  const abort = new AbortController();
  void Promise.race([deadline.reached, container.exited]).then(() => abort.abort());
  await runHook(hook, target, clock, abort.signal).catch(onHookError);
}

async function atLeast(deadline: Deadline, clock: Clock): Promise<void> {
  await Promise.all([
    deadline.reached,
    new Promise<void>((resolve) => void clock.after(MIN_SHUTDOWN_MS, resolve)),
  ]);
}
