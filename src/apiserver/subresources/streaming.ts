import { type core, Errors } from '#api';
import type { ApiResponse, RequestContext, SubresourceHandler, UpgradeRequest } from '../contracts.js';
import { cleanHeaders, tunnel } from './connection.js';
import { chooseContainer } from './container-choice.js';
import type { Kubelets } from './kubelet.js';
import type { SubresourceDeps } from './types.js';

export type StreamKind = 'exec' | 'attach' | 'portforward';

/** PodExecOptions to the parameters of the kubelet API, which has its own names. */
const RENAMED: Record<string, string> = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' };
/** Never passed on: they are the caller's credentials, or about this connection. */
const WITHHELD = /^(authorization|cookie|host|impersonate-.*|x-remote-.*)$/;

/**
 * exec, attach and port-forward: the client's upgrade (WebSocket or SPDY) goes to the node agent, and then every
 * byte in both directions. What is spoken inside is between kubectl and the node.
 */
export class StreamHandler implements SubresourceHandler {
  readonly methods = ['GET', 'POST'];
  readonly #kind: StreamKind;
  readonly #deps: SubresourceDeps;
  readonly #kubelets: Kubelets;

  constructor(kind: StreamKind, deps: SubresourceDeps, kubelets: Kubelets) {
    this.#kind = kind;
    this.#deps = deps;
    this.#kubelets = kubelets;
  }

  /** Without an upgrade there is nothing to stream over. */
  async handle(): Promise<ApiResponse> {
    throw Errors.badRequest('Upgrade request required');
  }

  async upgrade(context: RequestContext, request: UpgradeRequest): Promise<void> {
    const { info } = context;
    const kind = this.#deps.kind('core.v1.Pod');
    const pod = await this.#deps.store.get<core.Pod>(kind, info.namespace, info.name);
    if (pod === undefined) throw Errors.notFound({ group: '', resource: 'pods' }, info.name);
    const path = this.#path(pod, info.query);
    const node = pod.spec?.nodeName ?? '';
    if (node === '') throw Errors.badRequest(`pod ${info.name} does not have a host assigned`);
    const { connection, target } = await this.#kubelets.connect(node, request.signal);
    const headers: Record<string, string> = { host: `${target.host}:${target.port}` };
    for (const [name, value] of Object.entries(cleanHeaders(request.headers))) {
      if (!WITHHELD.test(name)) headers[name] = value;
    }
    await tunnel(
      request.socket,
      request.head,
      connection,
      { method: request.method, path, headers },
      request.signal,
    );
  }

  #path(pod: core.Pod, query: URLSearchParams): string {
    const { namespace, name } = pod.metadata;
    if (this.#kind === 'portforward') {
      const ports = new URLSearchParams(
        query.getAll('ports').map((port): [string, string] => ['port', port]),
      );
      const text = ports.toString();
      return `/portForward/${namespace}/${name}${text === '' ? '' : `?${text}`}`;
    }
    const phase = pod.status?.phase;
    if (phase === 'Succeeded' || phase === 'Failed') {
      throw Errors.badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`);
    }
    const container = encodeURIComponent(chooseContainer(pod, query.get('container')));
    const out = new URLSearchParams();
    for (const [theirs, ours] of Object.entries(RENAMED)) if (isTrue(query.get(theirs))) out.set(ours, '1');
    for (const word of query.getAll('command')) out.append('command', word);
    return `/${this.#kind}/${namespace}/${name}/${container}?${out}`;
  }
}

function isTrue(value: string | null): boolean {
  return value !== null && value !== '' && value !== '0' && value.toLowerCase() !== 'false';
}
