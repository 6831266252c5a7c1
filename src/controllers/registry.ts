import type { KeyPair, Startable } from '#base';
import {
  createCertificateApprovingController,
  createCertificateCleanerController,
  createCertificateSigningController,
} from './certificates/index.js';
import { createCronJobController } from './cron-job/index.js';
import { createDaemonSetController } from './daemon-set/index.js';
import { createDeploymentController } from './deployment/index.js';
import type { ControllerDeps } from './deps.js';
import { createDisruptionController } from './disruption/index.js';
import { createEndpointSliceController } from './endpoint-slice/index.js';
import { createEndpointSliceMirroringController } from './endpoint-slice-mirroring/index.js';
import { createEndpointsController } from './endpoints/index.js';
import { createGarbageCollector } from './garbage-collector/index.js';
import { createJobController } from './job/index.js';
import { createNamespaceController } from './namespace/index.js';
import { createNodeIpamController } from './node-ipam/index.js';
import { createNodeLifecycleController } from './node-lifecycle/index.js';
import { createPodGcController } from './pod-gc/index.js';
import { createReplicaSetController, createReplicationControllerController } from './replica-set/index.js';
import { createRootCaController } from './root-ca/index.js';
import { createServiceAccountController } from './service-account/index.js';
import { createServiceCidrController } from './service-cidr/index.js';
import { createServiceLoadBalancerController } from './service-lb/index.js';
import { createStatefulSetController } from './stateful-set/index.js';
import { createTaintEvictionController } from './taint-eviction/index.js';
import { createTtlAfterFinishedController } from './ttl-after-finished/index.js';

/** What the controllers can be told; names follow upstream's flags. */
export interface ControllerSettings {
  /** --cluster-cidr. Empty: Nodes get no podCIDRs from here. */
  clusterCidrs?: string[];
  nodeCidrMaskSizeV4?: number;
  nodeCidrMaskSizeV6?: number;
  /** --root-ca-file, as PEM text. Absent: kube-root-ca.crt is not published. */
  rootCa?: string;
  /** --cluster-signing-cert-file and --cluster-signing-key-file, as PEM texts. Absent: requests are left to somebody else. */
  clusterSigning?: KeyPair;
  /** --cluster-signing-duration, in milliseconds: certificates live no longer. */
  clusterSigningMs?: number;
  /** --node-monitor-grace-period, in milliseconds. */
  nodeMonitorGracePeriodMs?: number;
  /** --max-endpoints-per-slice. */
  maxEndpointsPerSlice?: number;
  /** --mirroring-max-endpoints-per-subset. */
  mirroringMaxEndpointsPerSubset?: number;
  /** --endpointslice-updates-batch-period, --endpoint-updates-batch-period, --mirroring-…; in milliseconds. */
  endpointSliceBatchMs?: number;
  endpointBatchMs?: number;
  mirroringBatchMs?: number;
  /** Addresses for Services of type LoadBalancer. Absent: they are left to somebody else. */
  loadBalancerCidrs?: string[];
  /** --terminated-pod-gc-threshold. */
  terminatedPodThreshold?: number;
}

interface Controller {
  /** Service account in kube-system that upstream's policy gives this controller's rights to. */
  account: string;
  /** Undefined where the settings leave nothing to do. */
  build(settings: ControllerSettings, deps: ControllerDeps): Startable | undefined;
}

function controller(account: string, build: Controller['build']): Controller {
  return { account, build };
}

/** Every controller under upstream's name. */
export const CONTROLLERS: Record<string, Controller> = {
  'endpointslice-controller': controller('endpointslice-controller', (settings, deps) => {
    const { maxEndpointsPerSlice, endpointSliceBatchMs: updatesBatchPeriodMs } = settings;
    return createEndpointSliceController(defined({ maxEndpointsPerSlice, updatesBatchPeriodMs }), deps);
  }),
  'endpointslice-mirroring-controller': controller('endpointslicemirroring-controller', (settings, deps) => {
    const { mirroringMaxEndpointsPerSubset: maxEndpointsPerSubset, mirroringBatchMs: updatesBatchPeriodMs } =
      settings;
    const options = defined({ maxEndpointsPerSubset, updatesBatchPeriodMs });
    return createEndpointSliceMirroringController(options, deps);
  }),
  'service-cidr-controller': controller('service-cidrs-controller', (_, deps) =>
    createServiceCidrController({}, deps),
  ),
  'endpoints-controller': controller('endpoint-controller', ({ endpointBatchMs }, deps) =>
    createEndpointsController(defined({ updatesBatchPeriodMs: endpointBatchMs }), deps),
  ),
  'replicaset-controller': controller('replicaset-controller', (_, deps) =>
    createReplicaSetController({}, deps),
  ),
  'replicationcontroller-controller': controller('replication-controller', (_, deps) =>
    createReplicationControllerController({}, deps),
  ),
  'deployment-controller': controller('deployment-controller', (_, deps) =>
    createDeploymentController({}, deps),
  ),
  'daemonset-controller': controller('daemon-set-controller', (_, deps) =>
    createDaemonSetController({}, deps),
  ),
  'disruption-controller': controller('disruption-controller', (_, deps) => createDisruptionController(deps)),
  'statefulset-controller': controller('statefulset-controller', (_, deps) =>
    createStatefulSetController({}, deps),
  ),
  'job-controller': controller('job-controller', (_, deps) => createJobController({}, deps)),
  'cronjob-controller': controller('cronjob-controller', (_, deps) => createCronJobController(deps)),
  'ttl-after-finished-controller': controller('ttl-after-finished-controller', (_, deps) =>
    createTtlAfterFinishedController(deps),
  ),
  'namespace-controller': controller('namespace-controller', (_, deps) =>
    createNamespaceController({}, deps),
  ),
  'garbage-collector-controller': controller('generic-garbage-collector', (_, deps) =>
    createGarbageCollector({}, deps),
  ),
  'serviceaccount-controller': controller('service-account-controller', (_, deps) =>
    createServiceAccountController({}, deps),
  ),
  'root-ca-certificate-publisher-controller': controller('root-ca-cert-publisher', ({ rootCa }, deps) =>
    rootCa === undefined ? undefined : createRootCaController({ rootCa }, deps),
  ),
  'certificatesigningrequest-approving-controller': controller('certificate-controller', (_, deps) =>
    createCertificateApprovingController(deps),
  ),
  'certificatesigningrequest-cleaner-controller': controller('certificate-controller', (_, deps) =>
    createCertificateCleanerController(deps),
  ),
  'certificatesigningrequest-signing-controller': controller('certificate-controller', (settings, deps) => {
    const { clusterSigning: authority, clusterSigningMs: durationMs } = settings;
    if (authority === undefined) return undefined;
    return createCertificateSigningController({ authority, ...defined({ durationMs }) }, deps);
  }),
  'node-lifecycle-controller': controller('node-controller', ({ nodeMonitorGracePeriodMs }, deps) =>
    createNodeLifecycleController(defined({ gracePeriodMs: nodeMonitorGracePeriodMs }), deps),
  ),
  'taint-eviction-controller': controller('node-controller', (_, deps) =>
    createTaintEvictionController(deps),
  ),
  'pod-garbage-collector-controller': controller('pod-garbage-collector', (settings, deps) =>
    createPodGcController(defined({ terminatedThreshold: settings.terminatedPodThreshold }), deps),
  ),
  'service-lb-controller': controller('service-controller', ({ loadBalancerCidrs: cidrs = [] }, deps) =>
    cidrs.length === 0 ? undefined : createServiceLoadBalancerController({ cidrs }, deps),
  ),
  'node-ipam-controller': controller('node-controller', (settings, deps) => {
    const { clusterCidrs = [], nodeCidrMaskSizeV4: maskSizeV4, nodeCidrMaskSizeV6: maskSizeV6 } = settings;
    if (clusterCidrs.length === 0) return undefined;
    return createNodeIpamController({ clusterCidrs, ...defined({ maskSizeV4, maskSizeV6 }) }, deps);
  }),
};

/** Leaves out what is undefined, so that defaults apply. */
function defined<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}

/** Old names that upstream still accepts (cmd/kube-controller-manager/names). */
const ALIASES: Record<string, string> = {
  endpoint: 'endpoints-controller',
  endpointslice: 'endpointslice-controller',
  endpointslicemirroring: 'endpointslice-mirroring-controller',
  service: 'service-lb-controller',
  cronjob: 'cronjob-controller',
  'ttl-after-finished': 'ttl-after-finished-controller',
  job: 'job-controller',
  statefulset: 'statefulset-controller',
  disruption: 'disruption-controller',
  replicationcontroller: 'replicationcontroller-controller',
  podgc: 'pod-garbage-collector-controller',
  namespace: 'namespace-controller',
  serviceaccount: 'serviceaccount-controller',
  garbagecollector: 'garbage-collector-controller',
  daemonset: 'daemonset-controller',
  deployment: 'deployment-controller',
  replicaset: 'replicaset-controller',
  nodeipam: 'node-ipam-controller',
  nodelifecycle: 'node-lifecycle-controller',
  csrapproving: 'certificatesigningrequest-approving-controller',
  csrcleaner: 'certificatesigningrequest-cleaner-controller',
  csrsigning: 'certificatesigningrequest-signing-controller',
  'root-ca-cert-publisher': 'root-ca-certificate-publisher-controller',
  'clusterrole-aggregation': 'clusterrole-aggregation-controller',
};

/**
 * Upstream's --controllers: `*` for all, `name` for one, `-name` for all but one; an explicit name decides
 * before `*`. Throws RangeError for a name that does not exist.
 */
export function selectControllers(selection: string[] = ['*']): string[] {
  const names = Object.keys(CONTROLLERS);
  const wanted = new Map<string, boolean>();
  for (const item of selection.filter((entry) => entry !== '*')) {
    const exclude = item.startsWith('-');
    const given = exclude ? item.slice(1) : item;
    const name = ALIASES[given] ?? given;
    if (!names.includes(name))
      throw new RangeError(`"${given}" is not in the list of known controllers: ${names.join(', ')}`);
    if (!wanted.has(name)) wanted.set(name, !exclude);
  }
  return names.filter((name) => wanted.get(name) ?? selection.includes('*'));
}
