import type { core, networking, scheduling } from '#api';
import { requireCidr } from '../allocators/index.js';
import type { ServerDeps } from '../deps.js';
import { createOnce } from './rbac-reconcile.js';

const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

/** Classes of what keeps a cluster or a node alive (upstream pkg/apis/scheduling/v1). */
const PRIORITY_CLASSES: scheduling.PriorityClass[] = [
  {
    metadata: { name: 'system-cluster-critical' },
    value: 2_000_000_000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
  {
    metadata: { name: 'system-node-critical' },
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
];

async function createMissing<T extends core.Namespace | scheduling.PriorityClass | networking.ServiceCIDR>(
  deps: ServerDeps,
  message: string,
  wanted: T[],
): Promise<void> {
  const present = new Set(
    (await deps.store.list<T>(deps.kind(message))).map(({ metadata }) => metadata.name),
  );
  const missing = wanted.filter(({ metadata }) => !present.has(metadata.name));
  await Promise.all(missing.map((object) => createOnce(deps, message, object)));
}

export function createNamespaces(deps: ServerDeps): Promise<void> {
  return createMissing(
    deps,
    'core.v1.Namespace',
    NAMESPACES.map((name): core.Namespace => ({ metadata: { name } })),
  );
}

export function createPriorityClasses(deps: ServerDeps): Promise<void> {
  return createMissing(deps, 'scheduling.v1.PriorityClass', PRIORITY_CLASSES);
}

/**
 * The default range `kubernetes`. When a second family has been configured since, it is added (upstream's default
 * ServiceCIDR controller); any other difference is reported and left, since Services live in the stored ranges.
 */
export async function createServiceCIDR(deps: ServerDeps, cidrs: string[]): Promise<void> {
  const kind = deps.kind('networking.v1.ServiceCIDR');
  const wanted = cidrs.map((text) => requireCidr(text).text);
  const have = await deps.store.get<networking.ServiceCIDR>(kind, '', 'kubernetes');
  if (have === undefined) {
    const object: networking.ServiceCIDR = { metadata: { name: 'kubernetes' }, spec: { cidrs: wanted } };
    await createOnce(deps, 'networking.v1.ServiceCIDR', object);
    return markReady(deps);
  }
  const stored = have.spec?.cidrs ?? [];
  if (JSON.stringify(stored) === JSON.stringify(wanted)) return;
  if (stored.length === 1 && wanted.length === 2 && stored[0] === wanted[0]) {
    await deps.store.update<networking.ServiceCIDR>(kind, '', 'kubernetes', (object) => ({
      ...object,
      spec: { ...object.spec, cidrs: wanted },
    }));
    return;
  }
  const message = 'the ServiceCIDR kubernetes differs from --service-cluster-ip-range and is left as it is';
  deps.logger.warn(message, { configured: wanted, stored });
}

async function markReady(deps: ServerDeps): Promise<void> {
  const lastTransitionTime = `${new Date(deps.clock.now()).toISOString().slice(0, 19)}Z`;
  await deps.store.update<networking.ServiceCIDR>(
    deps.kind('networking.v1.ServiceCIDR'),
    '',
    'kubernetes',
    (object) => {
      if ((object.status?.conditions ?? []).length > 0) return undefined;
      const condition = {
        type: 'Ready',
        status: 'True',
        reason: '',
        message: 'Kubernetes default Service CIDR is ready',
        lastTransitionTime,
      };
      return { ...object, status: { ...object.status, conditions: [condition] } };
    },
  );
}

/** Where aggregated API servers find the CA that they verify client certificates with. */
export async function publishClientCA(deps: ServerDeps, clientCA: string): Promise<void> {
  const kind = deps.kind('core.v1.ConfigMap');
  const name = 'extension-apiserver-authentication';
  const have = await deps.store.get<core.ConfigMap>(kind, 'kube-system', name);
  if (have === undefined) {
    const metadata = { name, namespace: 'kube-system' };
    await createOnce(deps, 'core.v1.ConfigMap', {
      metadata,
      data: { 'client-ca-file': clientCA },
    } as core.ConfigMap);
  } else if (have.data?.['client-ca-file'] !== clientCA) {
    await deps.store.update<core.ConfigMap>(kind, 'kube-system', name, (object) => ({
      ...object,
      data: { ...object.data, 'client-ca-file': clientCA },
    }));
  }
}
