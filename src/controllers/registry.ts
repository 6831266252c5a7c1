import type { Startable } from '#base';
import { createDeploymentController } from './deployment/index.js';
import type { ControllerDeps } from './deps.js';
import { createEndpointSliceController } from './endpoint-slice/index.js';
import { createEndpointsController } from './endpoints/index.js';
import { createGarbageCollector } from './garbage-collector/index.js';
import { createNamespaceController } from './namespace/index.js';
import { createNodeIpamController } from './node-ipam/index.js';
import { createReplicaSetController, createReplicationControllerController } from './replica-set/index.js';
import { createRootCaController } from './root-ca/index.js';
import { createScheduler } from './scheduler/index.js';
import { createServiceAccountController } from './service-account/index.js';

/** What the controllers can be told; names follow upstream's flags. */
export interface ControllerSettings {
  /** --cluster-cidr. Empty: Nodes get no podCIDRs from here. */
  clusterCidrs?: string[];
  nodeCidrMaskSizeV4?: number;
  nodeCidrMaskSizeV6?: number;
  /** --root-ca-file, as PEM text. Absent: kube-root-ca.crt is not published. */
  rootCa?: string;
  /** --max-endpoints-per-slice. */
  maxEndpointsPerSlice?: number;
}

type Build = (settings: ControllerSettings, deps: ControllerDeps) => Startable | undefined;

/** Every controller under upstream's name; undefined where the settings leave nothing to do. */
export const CONTROLLERS: Record<string, Build> = {
  'endpointslice-controller': ({ maxEndpointsPerSlice }, deps) =>
    createEndpointSliceController(maxEndpointsPerSlice === undefined ? {} : { maxEndpointsPerSlice }, deps),
  'kube-scheduler': (_, deps) => createScheduler({}, deps),
  'endpoints-controller': (_, deps) => createEndpointsController({}, deps),
  'replicaset-controller': (_, deps) => createReplicaSetController({}, deps),
  'replicationcontroller-controller': (_, deps) => createReplicationControllerController({}, deps),
  'deployment-controller': (_, deps) => createDeploymentController({}, deps),
  'namespace-controller': (_, deps) => createNamespaceController({}, deps),
  'garbage-collector-controller': (_, deps) => createGarbageCollector({}, deps),
  'serviceaccount-controller': (_, deps) => createServiceAccountController({}, deps),
  'root-ca-certificate-publisher-controller': ({ rootCa }, deps) =>
    rootCa === undefined ? undefined : createRootCaController({ rootCa }, deps),
  'node-ipam-controller': (settings, deps) =>
    (settings.clusterCidrs ?? []).length === 0
      ? undefined
      : createNodeIpamController(
          {
            clusterCidrs: settings.clusterCidrs!,
            ...(settings.nodeCidrMaskSizeV4 === undefined ? {} : { maskSizeV4: settings.nodeCidrMaskSizeV4 }),
            ...(settings.nodeCidrMaskSizeV6 === undefined ? {} : { maskSizeV6: settings.nodeCidrMaskSizeV6 }),
          },
          deps,
        ),
};

/**
 * Not part of `*`: upstream's scheduler is a program of its own, and a standalone controller manager must not
 * compete with it. Name it to run it here.
 */
const OFF_BY_DEFAULT = new Set(['kube-scheduler']);

/** Old names that upstream still accepts (cmd/kube-controller-manager/names). */
const ALIASES: Record<string, string> = {
  endpoint: 'endpoints-controller',
  endpointslice: 'endpointslice-controller',
  endpointslicemirroring: 'endpointslice-mirroring-controller',
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
  'root-ca-cert-publisher': 'root-ca-certificate-publisher-controller',
  'clusterrole-aggregation': 'clusterrole-aggregation-controller',
};

/**
 * Upstream's --controllers: `*` for all that are on by default, `name` for one, `-name` for all but one; an explicit name decides
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
  return names.filter((name) => wanted.get(name) ?? (selection.includes('*') && !OFF_BY_DEFAULT.has(name)));
}
