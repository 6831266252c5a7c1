import type { core } from '#api';
import type { Clock } from '#base';
import { runToEnd } from '../probes/exec-probe.js';
import { httpProbe } from '../probes/http-probe.js';
import { actionUrl, type ProbeTarget, resolvePort } from '../probes/run-probe.js';
import { tcpProbe } from '../probes/tcp-probe.js';

/** A lifecycle hook failed; the message is what its Event says. */
export class HookError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'HookError';
  }
}

/** Runs a postStart or preStop handler to its end or until the signal aborts. Rejects with HookError. */
export async function runHook(
  handler: core.LifecycleHandler,
  target: ProbeTarget,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (handler.exec !== undefined) return execHook(handler.exec.command ?? [], target, signal);
  if (handler.httpGet !== undefined) return httpHook(handler.httpGet, target, signal);
  if (handler.sleep !== undefined) return sleepHook(handler.sleep.seconds, clock, signal);
  if (handler.tcpSocket !== undefined) {
    const port = resolvePort(handler.tcpSocket.port, target.container) ?? 0;
    const result = await tcpProbe(handler.tcpSocket.host || target.podIP, port, signal);
    if (result.outcome !== 'success') throw new HookError(result.message);
  }
}

async function execHook(command: string[], target: ProbeTarget, signal: AbortSignal): Promise<void> {
  const session = await target.exec(command);
  const { exitCode, output, timedOut } = await runToEnd(session, signal);
  if (timedOut) throw new HookError(`command '${command.join(' ')}' did not end in time`);
  if (exitCode !== 0)
    throw new HookError(`command '${command.join(' ')}' exited with ${exitCode}: ${output.trim()}`);
}

async function httpHook(action: core.HTTPGetAction, target: ProbeTarget, signal: AbortSignal): Promise<void> {
  const url = actionUrl(action, target);
  if (url === undefined) throw new HookError(`couldn't find port: ${JSON.stringify(action.port)}`);
  const headers = action.httpHeaders ?? [];
  const result = await httpProbe({ url, headers, timeoutMs: 0, signal });
  // Upstream looks only at whether there was an answer, not at its status.
  if (result.outcome === 'failure' && !result.message.startsWith('HTTP probe failed'))
    throw new HookError(result.message);
}

function sleepHook(seconds: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const cancel = clock.after(seconds * 1000, resolve);
    signal.addEventListener(
      'abort',
      () => {
        cancel();
        resolve();
      },
      { once: true },
    );
  });
}
