import type { core, KubeObject } from '#api';
import type { Resource } from '#client';
import type { Name } from '../wire/name.js';
import type { ClusterState } from './cluster-state.js';
import type { Interner } from './interner.js';
import type { NameNode } from './node.js';
import { endpointNode, isHeadless, type ServiceOptions, serviceNode } from './services.js';

/** A Service of a cluster set (multicluster.x-k8s.io, KEP-1645). */
interface ServiceImport extends KubeObject {
  spec?: { type?: string; ips?: string[]; ports?: core.ServicePort[] };
}

export const serviceImports: Resource<KubeObject> = {
  group: 'multicluster.x-k8s.io',
  version: 'v1alpha1',
  resource: 'serviceimports',
  kind: 'ServiceImport',
  namespaced: true,
};

/** An import in the shape of a Service: its addresses, or headless. */
export function packImport({ metadata, spec = {} }: ServiceImport, interner: Interner): core.Service {
  const { name, namespace, resourceVersion } = metadata;
  const ports = (spec.ports ?? []).map((p) => ({
    name: p.name ?? '',
    port: p.port,
    protocol: p.protocol ?? 'TCP',
  }));
  const ips = spec.ips ?? [];
  return {
    metadata: {
      name: name!,
      namespace: interner.text(namespace!),
      resourceVersion: resourceVersion!,
    },
    spec: {
      clusterIPs: spec.type === 'Headless' || ips.length === 0 ? ['None'] : ips,
      ports: interner.value(ports),
    },
  };
}

/**
 * The node of a name in the zone of a cluster set, `rel` being what is left of `svc.<zone>`: `svc.ns`, `_port._proto.svc.ns`,
 * and `endpoint.cluster.svc.ns` for headless imports (multi-cluster DNS specification). Namespaces have been checked.
 */
export function importNode(state: ClusterState, rel: Name, own: ServiceOptions): NameNode | undefined {
  const [service = '', namespace = ''] = rel.slice(-2);
  const imported = state.import(namespace, service);
  if (imported === undefined) return undefined;
  const left = rel.slice(0, -2);
  const options = { ...own, imported: true };
  const view = { slices: (ns: string, name: string) => state.importSlices(ns, name) };
  const [first = '', second = ''] = left;
  if (left.length === 0) return serviceNode(view, imported, undefined, options);
  if (left.length === 1) return isParent(view, imported, first, options) ? {} : undefined;
  if (left.length > 2) return undefined;
  if (first.startsWith('_') && second.startsWith('_'))
    return serviceNode(view, imported, { port: first.slice(1), protocol: second.slice(1) }, options);
  return isHeadless(imported) ? endpointNode(view, imported, left, options) : undefined;
}

/** Whether there are names below: the endpoints of a cluster, or ports of a protocol. */
function isParent(
  view: Pick<ClusterState, 'slices'>,
  imported: core.Service,
  label: string,
  options: ServiceOptions,
): boolean {
  const { namespace, name } = imported.metadata;
  if (!label.startsWith('_'))
    return isHeadless(imported) && view.slices(namespace!, name!).some((s) => s.cluster === label);
  const protocol = label.slice(1);
  return (imported.spec?.ports ?? []).some(
    (p) =>
      (p.protocol ?? 'TCP').toLowerCase() === protocol &&
      serviceNode(view, imported, { port: p.name ?? '', protocol }, options) !== undefined,
  );
}
