import type { core, IntOrString } from '#api';
import type { ExecSession } from '../runtime.js';
import { execProbe } from './exec-probe.js';
import { grpcProbe } from './grpc-probe.js';
import { httpProbe } from './http-probe.js';
import { failure, type ProbeResult } from './probe-result.js';
import { tcpProbe } from './tcp-probe.js';

/** What probes and hooks of one container need to reach it. */
export interface ProbeTarget {
  container: core.Container;
  podIP: string;
  exec(command: string[]): Promise<ExecSession>;
}

/** A port number, or the container's port of that name; undefined when there is none. */
export function resolvePort(port: IntOrString, container: core.Container): number | undefined {
  if (typeof port === 'number') return port;
  const named = container.ports?.find((candidate) => candidate.name === port)?.containerPort;
  if (named !== undefined) return named;
  const number = Number(port);
  return Number.isInteger(number) && number > 0 && number < 65536 ? number : undefined;
}

/** The URL that an httpGet action asks for. */
export function actionUrl(action: core.HTTPGetAction, target: ProbeTarget): URL | undefined {
  const port = resolvePort(action.port, target.container);
  if (port === undefined) return undefined;
  const host = action.host || target.podIP;
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const path = action.path ?? '/';
  return new URL(
    path.startsWith('/') ? path : `/${path}`,
    `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`,
  );
}

/** One try of a probe. Never rejects. */
export async function runProbe(
  probe: core.Probe,
  target: ProbeTarget,
  stop: AbortSignal,
): Promise<ProbeResult> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMs);
  try {
    return await attempt(probe, target, timeoutMs, AbortSignal.any([stop, timeout.signal]));
  } catch (error) {
    return { outcome: 'unknown', message: (error as Error).message };
  } finally {
    clearTimeout(timer);
  }
}

async function attempt(
  probe: core.Probe,
  target: ProbeTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { exec, httpGet, tcpSocket, grpc } = probe;
  if (exec !== undefined) {
    const command = exec.command ?? [];
    return execProbe(() => target.exec(command), command, timeoutMs, signal);
  }
  if (httpGet !== undefined) {
    const url = actionUrl(httpGet, target);
    if (url === undefined) return failure(`couldn't find port: ${JSON.stringify(httpGet.port)}`);
    return httpProbe({ url, headers: httpGet.httpHeaders ?? [], timeoutMs, signal });
  }
  if (tcpSocket !== undefined) {
    const port = resolvePort(tcpSocket.port, target.container);
    if (port === undefined) return failure(`couldn't find port: ${JSON.stringify(tcpSocket.port)}`);
    return tcpProbe(tcpSocket.host || target.podIP, port, signal);
  }
  if (grpc !== undefined) return grpcProbe(target.podIP, grpc.port, grpc.service ?? '', signal);
  return { outcome: 'unknown', message: 'missing probe handler' };
}
