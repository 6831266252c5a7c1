import { type core, Errors, type FieldError, FieldErrors, StatusError } from '#api';
import type { ApiResponse, RequestContext, SubresourceHandler } from '../contracts.js';
import { chunks, exchange, readText } from './connection.js';
import { chooseContainer } from './container-choice.js';
import type { Kubelets } from './kubelet.js';
import type { SubresourceDeps } from './types.js';

/** Query parameters of PodLogOptions that the node agent understands under the same name. */
const PASSED = [
  'follow',
  'previous',
  'sinceSeconds',
  'sinceTime',
  'timestamps',
  'tailLines',
  'limitBytes',
  'stream',
];
const ERROR_BYTES = 4096;

/** GET pods/NAME/log: the node agent's /containerLogs, streamed. */
export class LogHandler implements SubresourceHandler {
  readonly methods = ['GET', 'HEAD'];
  readonly #deps: SubresourceDeps;
  readonly #kubelets: Kubelets;
  constructor(deps: SubresourceDeps, kubelets: Kubelets) {
    this.#deps = deps;
    this.#kubelets = kubelets;
  }

  async handle(context: RequestContext): Promise<ApiResponse> {
    const { info, request } = context;
    checkOptions(info.query);
    const kind = this.#deps.kind('core.v1.Pod');
    const pod = await this.#deps.store.get<core.Pod>(kind, info.namespace, info.name);
    if (pod === undefined) throw Errors.notFound({ group: '', resource: 'pods' }, info.name);
    const container = chooseContainer(pod, info.query.get('container'));
    const headers = { 'content-type': 'text/plain' };
    const node = pod.spec?.nodeName ?? '';
    // Nothing has run yet, so there is nothing to read.
    if (node === '') return { status: 200, headers, body: Buffer.alloc(0) };
    const { connection, target } = await this.#kubelets.connect(node, request.signal);
    const query = new URLSearchParams();
    for (const name of PASSED) for (const value of info.query.getAll(name)) query.append(name, value);
    const path = `/containerLogs/${info.namespace}/${info.name}/${encodeURIComponent(container)}`;
    const text = query.toString();
    const response = await exchange(
      connection,
      {
        method: 'GET',
        path: text === '' ? path : `${path}?${text}`,
        headers: { host: `${target.host}:${target.port}` },
      },
      request.signal,
    );
    const status = response.statusCode ?? 502;
    if (status !== 200) throw logError(status, await readText(response, ERROR_BYTES), info.name);
    return { status: 200, headers, body: chunks(response) };
  }
}

/** How the node agent's refusals reach the client (upstream registry/generic/rest ResponseChecker). */
function logError(status: number, body: string, name: string): StatusError {
  const text = body.trim();
  if (status === 400) return Errors.badRequest(text);
  if (status === 500) return Errors.internal(text);
  const reason = status === 404 ? 'NotFound' : '';
  const message =
    status === 404
      ? `the server could not find the requested resource ( pods/log ${name})`
      : `an error on the server (${JSON.stringify(text)}) has prevented the request from succeeding ( pods/log ${name})`;
  const causes = [{ reason: 'UnexpectedServerResponse', message: text }];
  return new StatusError(reason, message, { name, kind: 'pods/log', causes }, status);
}

function checkOptions(query: URLSearchParams): void {
  const errors: FieldError[] = [];
  const number = (name: string, min: number) => {
    const text = query.get(name);
    if (text === null || text === '') return;
    const value = Number(text);
    if (!/^-?\d+$/.test(text)) {
      throw Errors.badRequest(
        `unable to parse query parameter ${name}: ${JSON.stringify(text)} is not a number`,
      );
    }
    if (value < min) {
      errors.push(
        FieldErrors.invalid(name, value, `must be greater than ${min === 0 ? 'or equal to 0' : '0'}`),
      );
    }
  };
  number('tailLines', 0);
  number('limitBytes', 1);
  number('sinceSeconds', 1);
  const both = (query.get('sinceSeconds') ?? '') !== '' && (query.get('sinceTime') ?? '') !== '';
  if (both) {
    errors.push(FieldErrors.forbidden('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  }
  if (errors.length > 0) throw Errors.invalid({ group: '', kind: 'PodLogOptions' }, '', errors);
}
