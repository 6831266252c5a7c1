import type { SubresourceHandler } from '../contracts.js';
import type { SubresourceHandlers, VirtualHandlers } from '../deps.js';
import { bindingHandler, PodBindingHandler } from './binding.js';
import { type Document, issuerDocuments } from './discovery-documents.js';
import { EvictionHandler } from './eviction.js';
import { Kubelets } from './kubelet.js';
import { LogHandler } from './log.js';
import { ProxyHandler } from './proxy.js';
import { ProxyTargets } from './proxy-target.js';
import { reviewHandlers } from './reviews.js';
import { StreamHandler } from './streaming.js';
import { TokenHandler } from './token.js';
import type { KubeletOptions, SubresourceDeps } from './types.js';

export type { Document } from './discovery-documents.js';
export type { KubeletOptions, SubresourceDeps } from './types.js';

/** Everything that is served besides the generic verbs. */
export interface Subresources {
  /** By `message/subresource`. */
  subresources: SubresourceHandlers;
  /** Reviews and bindings, by message. */
  virtual: VirtualHandlers;
  /** Paths outside the resource API: the OpenID documents of the token issuer. */
  documents: Document[];
}

export function createSubresources(options: KubeletOptions, deps: SubresourceDeps): Subresources {
  const kubelets = new Kubelets(deps, options);
  const proxy = new ProxyHandler(deps, new ProxyTargets(deps, kubelets));
  const subresources: SubresourceHandlers = new Map<string, SubresourceHandler>([
    ['core.v1.Pod/binding', new PodBindingHandler(deps)],
    ['core.v1.Pod/eviction', new EvictionHandler(deps)],
    ['core.v1.Pod/log', new LogHandler(deps, kubelets)],
    ['core.v1.Pod/exec', new StreamHandler('exec', deps, kubelets)],
    ['core.v1.Pod/attach', new StreamHandler('attach', deps, kubelets)],
    ['core.v1.Pod/portforward', new StreamHandler('portforward', deps, kubelets)],
    ['core.v1.Pod/proxy', proxy],
    ['core.v1.Service/proxy', proxy],
    ['core.v1.Node/proxy', proxy],
    ['core.v1.ServiceAccount/token', new TokenHandler(deps)],
  ]);
  const virtual = reviewHandlers(deps);
  virtual.set('core.v1.Binding', bindingHandler(deps));
  return { subresources, virtual, documents: issuerDocuments(deps.tokens) };
}
