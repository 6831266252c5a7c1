import type { Duplex } from 'node:stream';
import { type core, Errors } from '#api';
import { connectTo, type Target, unreachable } from './connection.js';
import type { KubeletOptions, SubresourceDeps } from './types.js';

const KUBELET_PORT = 10250;
/** Address types in upstream's default order of --kubelet-preferred-address-types, without those that need DNS. */
const ADDRESS_TYPES = ['InternalIP', 'ExternalIP'];

/** Finds node agents and connects to them as the API server. */
export class Kubelets {
  readonly #deps: SubresourceDeps;
  readonly #options: KubeletOptions;

  constructor(deps: SubresourceDeps, options: KubeletOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async node(name: string): Promise<core.Node> {
    const node = await this.#deps.store.get<core.Node>(this.#deps.kind('core.v1.Node'), '', name);
    if (node === undefined) throw Errors.notFound({ group: '', resource: 'nodes' }, name);
    return node;
  }

  /** Where the node's agent serves the kubelet API. */
  target(node: core.Node): Target {
    return { host: this.address(node), port: kubeletPort(node), tls: this.#tls() };
  }

  address(node: core.Node): string {
    for (const type of ADDRESS_TYPES) {
      const found = node.status?.addresses?.find((address) => address.type === type);
      if (found !== undefined) return found.address;
    }
    throw unreachable(`no preferred addresses found for node ${node.metadata.name}; known addresses: []`);
  }

  async connect(nodeName: string, signal: AbortSignal): Promise<{ connection: Duplex; target: Target }> {
    const target = this.target(await this.node(nodeName));
    return { connection: await connectTo(this.#deps.egress, target, signal), target };
  }

  #tls() {
    const { clientCertificate, clientKey, certificateAuthority } = this.#options;
    return {
      verify: certificateAuthority !== undefined,
      ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
      ...(clientCertificate === undefined ? {} : { cert: clientCertificate }),
      ...(clientKey === undefined ? {} : { key: clientKey }),
    };
  }
}

export function kubeletPort(node: core.Node): number {
  return node.status?.daemonEndpoints?.kubeletEndpoint?.Port || KUBELET_PORT;
}
