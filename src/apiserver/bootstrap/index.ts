import { Group, type Startable } from '#base';
import type { Allocators } from '../allocators/index.js';
import type { ServerDeps } from '../deps.js';
import { ClusterIPRepair } from './cluster-ip-repair.js';
import { KubernetesService } from './kubernetes-service.js';
import { NodePortRepair } from './node-port-repair.js';
import { createNamespaces, createPriorityClasses, createServiceCIDR, publishClientCA } from './objects.js';
import { Periodic } from './periodic.js';
import { writeQuotaStatus } from './quota-status.js';
import { reconcilePolicy } from './rbac-reconcile.js';
import { RoleAggregation } from './role-aggregation.js';

const ENDPOINTS_EVERY_MS = 10_000;
const REPAIR_EVERY_MS = 180_000;
/** Status of quotas is for people; one list of quotas when there are none. */
const QUOTA_EVERY_MS = 5_000;
/** Repairs read every Service: not in the first moments of a start. */
const REPAIR_FIRST_MS = 5_000;

export interface BootstrapOptions {
  /** As given to the allocators. */
  serviceCIDRs: string[];
  /** --advertise-address: where Pods reach this API server, and the port there. */
  advertiseAddress: string;
  advertisePort: number;
  /** PEM of --client-ca-file, published for aggregated API servers. */
  clientCA?: string;
  /** Several API servers may share the store (etcd): default/kubernetes lists those that are alive. */
  shared: boolean;
}

/**
 * What kube-apiserver does after it serves (post-start hooks): system namespaces, RBAC policy, default ServiceCIDR,
 * priority classes, `default/kubernetes`, and the repair loops. `start` resolves when the objects are there: a
 * handful of list reads when they were there before.
 */
export function createBootstrap(
  options: BootstrapOptions,
  deps: ServerDeps,
  allocators: Allocators,
): Startable {
  const kubernetes = new KubernetesService(deps, {
    serviceCIDR: options.serviceCIDRs[0]!,
    advertiseAddress: options.advertiseAddress,
    securePort: options.advertisePort,
    shared: options.shared,
  });
  const { clock, logger } = deps;
  const ips = new ClusterIPRepair(deps, allocators.clusterIPs);
  const ports = new NodePortRepair(deps, allocators.nodePorts);
  const repair = { firstMs: REPAIR_FIRST_MS, everyMs: REPAIR_EVERY_MS, clock, logger };
  return new Group([
    once(() => createObjects(options, deps, kubernetes)),
    ...publishing(kubernetes, deps),
    new RoleAggregation(deps),
    new Periodic(() => writeQuotaStatus(deps), {
      name: 'the status of resource quotas',
      firstMs: QUOTA_EVERY_MS,
      everyMs: QUOTA_EVERY_MS,
      clock,
      logger,
    }),
    ips,
    new Periodic(() => ips.run(), { ...repair, name: 'the repair of ClusterIPs' }),
    new Periodic(() => ports.run(), { ...repair, name: 'the repair of node ports' }),
  ]);
}

async function createObjects(
  options: BootstrapOptions,
  deps: ServerDeps,
  kubernetes: KubernetesService,
): Promise<void> {
  await Promise.all([
    createNamespaces(deps),
    createPriorityClasses(deps),
    reconcilePolicy(deps),
    createServiceCIDR(deps, options.serviceCIDRs),
  ]);
  await Promise.all([
    kubernetes.reconcile(),
    ...(options.clientCA === undefined ? [] : [publishClientCA(deps, options.clientCA)]),
  ]);
}

function once(start: () => Promise<void>): Startable {
  return { start, async stop() {} };
}

/** The withdrawal is stopped after the periodic reconciliation, which would only put the entry back. */
function publishing(kubernetes: KubernetesService, { clock, logger }: ServerDeps): Startable[] {
  return [
    { async start() {}, stop: () => kubernetes.withdraw() },
    new Periodic(() => kubernetes.reconcile(), {
      name: 'the reconciliation of default/kubernetes',
      firstMs: ENDPOINTS_EVERY_MS,
      everyMs: ENDPOINTS_EVERY_MS,
      clock,
      logger,
    }),
  ];
}
