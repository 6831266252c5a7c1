import { type core, Errors } from '#api';
import { parseIp } from '#base';
import type { RequestContext } from '../contracts.js';
import type { Target, TlsOptions } from './connection.js';
import { type Kubelets, kubeletPort } from './kubelet.js';
import type { SubresourceDeps } from './types.js';

/** `name`, `name:port` or `scheme:name:port`; an empty port is the default one. */
export interface ProxyName {
  scheme: 'http' | 'https' | '';
  name: string;
  port: string;
}

/** Undefined when the text is none of the forms (apimachinery util/net SplitSchemeNamePort). */
export function parseProxyName(text: string): ProxyName | undefined {
  const parts = text.split(':');
  if (parts.length === 1) return parts[0] === '' ? undefined : { scheme: '', name: parts[0]!, port: '' };
  const [scheme, name, port] = parts.length === 2 ? ['', parts[0]!, parts[1]!] : parts;
  if (parts.length > 3 || name === undefined || name === '' || port === undefined) return undefined;
  if (scheme !== '' && scheme !== 'http' && scheme !== 'https') return undefined;
  return { scheme, name, port };
}

/** Backends inside the cluster rarely have certificates that the API server could check. */
const UNVERIFIED: TlsOptions = { verify: false };

function target(host: string, port: number, scheme: string): Target {
  refuseLocal(host);
  return { host, port, ...(scheme === 'https' ? { tls: UNVERIFIED } : {}) };
}

/** A Pod must not make the API server talk to itself or to link-local services (upstream proxy IsProxyableIP). */
function refuseLocal(host: string): void {
  const ip = parseIp(host);
  const refused =
    ip === undefined ||
    (ip.family === 4
      ? ip.value >> 24n === 127n || ip.value >> 16n === 0xa9fen || ip.value === 0n || ip.value >> 28n === 0xen
      : ip.value <= 1n || ip.value >> 118n === 0x3fan || ip.value >> 120n === 0xffn);
  if (refused) throw Errors.badRequest('address not allowed');
}

function parse(text: string, what: string): ProxyName {
  const name = parseProxyName(text);
  if (name === undefined) throw Errors.badRequest(`invalid ${what} request ${JSON.stringify(text)}`);
  return name;
}

function numericPort(text: string, what: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535) return Number(text);
  throw Errors.badRequest(`invalid ${what} port ${JSON.stringify(text)}`);
}

/** Finds what pods/proxy, services/proxy and nodes/proxy lead to. */
export class ProxyTargets {
  readonly #deps: SubresourceDeps;
  readonly #kubelets: Kubelets;
  constructor(deps: SubresourceDeps, kubelets: Kubelets) {
    this.#deps = deps;
    this.#kubelets = kubelets;
  }

  find(context: RequestContext): Promise<Target> {
    const { resource, namespace, name } = context.info;
    if (resource === 'pods') return this.#pod(namespace, name);
    if (resource === 'services') return this.#service(namespace, name);
    return this.#node(name);
  }

  async #pod(namespace: string, text: string): Promise<Target> {
    const { scheme, name, port } = parse(text, 'pod');
    const pod = await this.#deps.store.get<core.Pod>(this.#deps.kind('core.v1.Pod'), namespace, name);
    if (pod === undefined) throw Errors.notFound({ group: '', resource: 'pods' }, name);
    const first = pod.spec?.containers.flatMap((container) => container.ports ?? [])[0]?.containerPort;
    const number = port === '' ? (first ?? 80) : numericPort(port, 'pod');
    return target(pod.status?.podIP ?? '', number, scheme);
  }

  async #node(text: string): Promise<Target> {
    const { scheme, name, port } = parse(text, 'node');
    const node = await this.#kubelets.node(name);
    if (port === '' || Number(port) === kubeletPort(node)) return this.#kubelets.target(node);
    return target(this.#kubelets.address(node), numericPort(port, 'node'), scheme);
  }

  async #service(namespace: string, text: string): Promise<Target> {
    const { scheme, name, port } = parse(text, 'service');
    const portName = await this.#portName(namespace, name, port);
    const kind = this.#deps.kind('core.v1.Endpoints');
    const endpoints = await this.#deps.store.get<core.Endpoints>(kind, namespace, name);
    if (endpoints === undefined) throw Errors.notFound({ group: '', resource: 'endpoints' }, name);
    const none = () =>
      Errors.serviceUnavailable(`no endpoints available for service ${JSON.stringify(text)}`);
    const candidates = (endpoints.subsets ?? []).flatMap((subset) =>
      (subset.ports ?? [])
        .filter((candidate) => (candidate.name ?? '') === portName)
        .flatMap(({ port: number }) => (subset.addresses ?? []).map((address) => ({ address, number }))),
    );
    const start = Math.floor(Math.random() * candidates.length);
    for (let i = 0; i < candidates.length; i++) {
      const { address, number } = candidates[(start + i) % candidates.length]!;
      if (await this.#isPod(namespace, address)) return target(address.ip, number, scheme);
    }
    throw none();
  }

  /** A port number stands for the name of the Service's port with that number. */
  async #portName(namespace: string, name: string, port: string): Promise<string> {
    if (!/^\d+$/.test(port)) return port;
    const kind = this.#deps.kind('core.v1.Service');
    const service = await this.#deps.store.get<core.Service>(kind, namespace, name);
    if (service === undefined) throw Errors.notFound({ group: '', resource: 'services' }, name);
    const found = service.spec?.ports?.find((candidate) => candidate.port === Number(port));
    if (found !== undefined) return found.name ?? '';
    throw Errors.serviceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
  }

  /** Endpoints are user input; only addresses of real Pods of the namespace are dialled. */
  async #isPod(namespace: string, address: core.EndpointAddress): Promise<boolean> {
    const reference = address.targetRef;
    if (reference?.namespace !== namespace || reference.name === undefined) return false;
    const kind = this.#deps.kind('core.v1.Pod');
    const pod = await this.#deps.store.get<core.Pod>(kind, namespace, reference.name);
    return (pod?.status?.podIPs ?? []).some(({ ip }) => ip === address.ip);
  }
}
