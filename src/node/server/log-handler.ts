import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LogOptions } from '../logs/log-reader.js';
import type { LogStore } from '../logs/log-store.js';
import type { ContainerUnit } from '../pods/container-unit.js';
import type { PodManager } from '../pods/pod-manager.js';
import { HttpError } from './http-error.js';
import { containerPath, findUnit } from './pod-lookup.js';

function integer(query: URLSearchParams, name: string, minimum: number): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < minimum)
    throw new HttpError(422, `{"message": "${name}: Invalid value: ${JSON.stringify(text)}"}`);
  return value;
}

/** Reads PodLogOptions from the query. Throws HttpError. */
export function logOptions(query: URLSearchParams, now: number): LogOptions & { previous: boolean } {
  const isTrue = (name: string) => ['true', '1'].includes(query.get(name) ?? '');
  const sinceSeconds = integer(query, 'sinceSeconds', 1);
  const sinceTime = query.get('sinceTime');
  const since = sinceTime
    ? Date.parse(sinceTime)
    : sinceSeconds === undefined
      ? undefined
      : now - sinceSeconds * 1000;
  if (since !== undefined && Number.isNaN(since)) throw new HttpError(400, 'invalid sinceTime');
  const tailLines = integer(query, 'tailLines', 0);
  const limitBytes = integer(query, 'limitBytes', 1);
  const stream = query.get('stream')?.toLowerCase();
  return {
    follow: isTrue('follow'),
    previous: isTrue('previous'),
    timestamps: isTrue('timestamps'),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(since === undefined ? {} : { since }),
    ...(stream === 'stdout' || stream === 'stderr' ? { stream } : {}),
  };
}

/** Which attempt's log is meant. Throws HttpError 400 when there is none, in the kubelet's words. */
function attemptOf(unit: ContainerUnit, pod: string, previous: boolean): number {
  const { view } = unit;
  if (previous) {
    if (view.last === undefined)
      throw new HttpError(400, `previous terminated container "${unit.name}" in pod "${pod}" not found`);
    return view.restartCount - (view.state.kind === 'waiting' ? 0 : 1);
  }
  if (view.state.kind !== 'waiting' || view.last !== undefined) return view.restartCount;
  throw new HttpError(
    400,
    view.state.reason === 'ErrImagePull' || view.state.reason === 'ImagePullBackOff'
      ? `container "${unit.name}" in pod "${pod}" is waiting to start: trying and failing to pull image`
      : `container "${unit.name}" in pod "${pod}" is waiting to start: ${view.state.reason}`,
  );
}

/** `/containerLogs/<namespace>/<pod>/<container>`. */
export async function serveContainerLogs(
  segments: string[],
  query: URLSearchParams,
  context: {
    manager: PodManager;
    logs: LogStore;
    now: number;
    request: IncomingMessage;
    response: ServerResponse;
  },
): Promise<void> {
  const path = containerPath(segments);
  if (path === undefined) throw new HttpError(400, 'missing container name');
  const options = logOptions(query, context.now);
  const { worker, unit } = findUnit(context.manager, path);
  const attempt = attemptOf(unit, path.pod, options.previous);
  const { namespace, name, uid } = worker.pod.metadata;
  const identity = { namespace: namespace!, name: name!, uid: uid! };
  const { response } = context;
  const abort = new AbortController();
  response.once('close', () => abort.abort());
  response.writeHead(200, { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' });
  response.flushHeaders();
  for await (const chunk of context.logs.read(identity, unit.name, attempt, options, abort.signal)) {
    if (abort.signal.aborted) return;
    if (!response.write(chunk)) await writable(response, abort.signal);
  }
  response.end();
}

function writable(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    response.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
