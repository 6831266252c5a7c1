import type { GroupVersionKind } from '../object.js';
import type { KindInfo } from './kind-info.js';

/** What discovery says of a subresource: the kind of its body and its verbs. */
export interface SubresourceInfo extends GroupVersionKind {
  verbs: string[];
}

const READ_WRITE = ['get', 'patch', 'update'];
const CONNECT = ['create', 'get'];
const PROXY = ['create', 'delete', 'get', 'patch', 'update'];

const FOREIGN: Readonly<Record<string, SubresourceInfo>> = {
  attach: { group: '', version: 'v1', kind: 'PodAttachOptions', verbs: CONNECT },
  binding: { group: '', version: 'v1', kind: 'Binding', verbs: ['create'] },
  eviction: { group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
  exec: { group: '', version: 'v1', kind: 'PodExecOptions', verbs: CONNECT },
  portforward: { group: '', version: 'v1', kind: 'PodPortForwardOptions', verbs: CONNECT },
  scale: { group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: READ_WRITE },
  token: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest', verbs: ['create'] },
};

/** Kind and verbs of a subresource of this kind, as kube-apiserver's discovery lists them. */
export function subresourceInfo(kind: KindInfo, subresource: string): SubresourceInfo {
  const foreign = Object.hasOwn(FOREIGN, subresource) ? FOREIGN[subresource] : undefined;
  if (foreign !== undefined) return foreign;
  const own = { group: kind.group, version: kind.version, kind: kind.kind };
  if (subresource === 'proxy') return { ...own, kind: `${kind.kind}ProxyOptions`, verbs: PROXY };
  if (subresource === 'log') return { ...own, verbs: ['get'] };
  if (subresource === 'finalize') return { ...own, verbs: ['update'] };
  return { ...own, verbs: READ_WRITE };
}
