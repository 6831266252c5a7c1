import type { core } from '../types/index.js';
import type { Check, Path } from './field-error.js';
import { httpHeaderName } from './formats.js';
import { checkPortNumOrName } from './service.js';

type Handler = core.LifecycleHandler & { grpc?: core.GRPCAction };

function checkHttpGet(check: Check, path: Path, get: core.HTTPGetAction): void {
  if ((get.path ?? '') === '') check.required(`${path}.path`);
  checkPortNumOrName(check, `${path}.port`, get.port ?? 0);
  const scheme = get.scheme ?? '';
  if (scheme !== 'HTTP' && scheme !== 'HTTPS')
    check.notSupported(`${path}.scheme`, scheme, ['HTTP', 'HTTPS']);
  for (const header of get.httpHeaders ?? []) {
    check.invalidEach(`${path}.httpHeaders`, header.name ?? '', httpHeaderName(header.name ?? ''));
  }
}

function checkAction(check: Check, path: Path, handler: Handler, kind: keyof Handler, grace?: number): void {
  const at = `${path}.${kind}`;
  if (kind === 'exec' && (handler.exec?.command ?? []).length === 0) check.required(`${at}.command`);
  else if (kind === 'httpGet') checkHttpGet(check, at, handler.httpGet!);
  else if (kind === 'tcpSocket') checkPortNumOrName(check, `${at}.port`, handler.tcpSocket!.port ?? 0);
  else if (kind === 'grpc') checkPortNumOrName(check, `${at}.port`, handler.grpc!.port ?? 0);
  else if (kind === 'sleep' && grace !== undefined) {
    const seconds = handler.sleep!.seconds ?? 0;
    if (seconds < 0 || seconds > grace) {
      check.invalid(
        at,
        seconds,
        `must be non-negative and less than terminationGracePeriodSeconds (${grace})`,
      );
    }
  }
}

/** Exactly one kind of action. */
function checkHandler(check: Check, path: Path, handler: Handler, grace?: number): void {
  const kinds = (['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const).filter(
    (kind) => handler[kind] !== undefined,
  );
  kinds.forEach((kind, i) => {
    if (i > 0) check.forbidden(`${path}.${kind}`, 'may not specify more than 1 handler type');
    else checkAction(check, path, handler, kind, grace);
  });
  if (kinds.length === 0) check.required(path, 'must specify a handler type');
}

function checkProbe(check: Check, path: Path, probe: core.Probe): void {
  checkHandler(check, path, probe);
  for (const field of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const) {
    check.nonNegative(`${path}.${field}`, probe[field]);
  }
  if (probe.terminationGracePeriodSeconds !== undefined && probe.terminationGracePeriodSeconds <= 0) {
    check.invalid(
      `${path}.terminationGracePeriodSeconds`,
      probe.terminationGracePeriodSeconds,
      'must be greater than 0',
    );
  }
}

/** A container's three probes. Liveness and startup need exactly one success; readiness has no grace of its own. */
export function checkProbes(check: Check, path: Path, container: core.Container): void {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  const single = (at: Path, probe: core.Probe): void => {
    checkProbe(check, at, probe);
    if (probe.successThreshold !== 1) {
      check.invalid(`${at}.successThreshold`, probe.successThreshold ?? 0, 'must be 1');
    }
  };
  if (livenessProbe !== undefined) single(`${path}.livenessProbe`, livenessProbe);
  if (readinessProbe !== undefined) {
    checkProbe(check, `${path}.readinessProbe`, readinessProbe);
    if (readinessProbe.terminationGracePeriodSeconds !== undefined) {
      check.invalid(
        `${path}.readinessProbe.terminationGracePeriodSeconds`,
        readinessProbe.terminationGracePeriodSeconds,
        'must not be set for readinessProbes',
      );
    }
  }
  if (startupProbe !== undefined) single(`${path}.startupProbe`, startupProbe);
}

/** postStart and preStop hooks. */
export function checkLifecycle(
  check: Check,
  path: Path,
  lifecycle: core.Lifecycle | undefined,
  grace: number | undefined,
): void {
  if (lifecycle?.postStart !== undefined)
    checkHandler(check, `${path}.postStart`, lifecycle.postStart, grace);
  if (lifecycle?.preStop !== undefined) checkHandler(check, `${path}.preStop`, lifecycle.preStop, grace);
}
