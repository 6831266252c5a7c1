import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Startable } from '#base';
import { type Client, createInformerFactory, createServiceAccountClient } from '#client';
import {
  type ControllerManagerDeps,
  type ControllerSettings,
  createControllerManager,
  createSchedulerManager,
} from '#controllers';
import type { ClientFlags } from '../commands/client-flags.js';
import { durationFlag } from '../compose/durations.js';
import {
  clientFromFlags,
  componentBase,
  configFromFlags,
  createDebugServer,
  runUntilSignal,
} from '../compose/standalone.js';
import { closing } from '../compose/startables.js';

/** The flags of `kubesvc controller-manager`. */
export interface Options extends ClientFlags {
  controllers: string;
  leaderElect: string;
  clusterCidr?: string;
  nodeCidrMaskSize?: string;
  loadBalancerCidr?: string;
  rootCaFile?: string;
  clusterSigningCertFile?: string;
  clusterSigningKeyFile?: string;
  clusterSigningDuration: string;
  maxEndpointsPerSlice?: string;
  endpointsliceUpdatesBatchPeriod: string;
  endpointUpdatesBatchPeriod: string;
  mirroringEndpointsliceUpdatesBatchPeriod: string;
  mirroringMaxEndpointsPerSubset: string;
  nodeMonitorGracePeriod: string;
  terminatedPodGcThreshold: string;
  useServiceAccountCredentials: string | boolean;
  debugAddress: string;
}

/** Runs the component until a signal. */
export async function run(options: Options): Promise<void> {
  const { logger, metrics } = componentBase('controller-manager', options.v);
  const client = clientFromFlags(options, 'kubesvc-controller-manager');
  const { controllers, scheduler } = selection(options.controllers);
  const election =
    options.leaderElect === 'false' ? {} : { leaderElection: { identity: `${hostname()}_${randomUUID()}` } };
  // One cache for both: each holds every Pod.
  const informers = createInformerFactory(client, { logger });
  const deps = { client, informers, logger, metrics };
  const members: Startable[] = [];
  if (controllers.length > 0) {
    const settings = { controllers, ...settingsOf(options), ...election };
    members.push(createControllerManager(settings, { ...deps, ...credentials(options, client) }));
  }
  if (scheduler)
    members.push(createSchedulerManager(election, { ...deps, logger: logger.child({ part: 'scheduler' }) }));
  const caches = { start: async () => {}, stop: async () => informers.stop() };
  await runUntilSignal(
    [closing([client]), caches, createDebugServer(options.debugAddress, metrics), ...members],
    logger,
  );
}

function settingsOf(options: Options): ControllerSettings {
  return {
    ...(options.clusterCidr === undefined ? {} : { clusterCidrs: options.clusterCidr.split(',') }),
    ...(options.nodeCidrMaskSize === undefined
      ? {}
      : { nodeCidrMaskSizeV4: Number(options.nodeCidrMaskSize) }),
    ...(options.loadBalancerCidr === undefined
      ? {}
      : { loadBalancerCidrs: options.loadBalancerCidr.split(',') }),
    ...(options.rootCaFile === undefined ? {} : { rootCa: readFileSync(options.rootCaFile, 'utf8') }),
    ...(options.maxEndpointsPerSlice === undefined
      ? {}
      : { maxEndpointsPerSlice: Number(options.maxEndpointsPerSlice) }),
    ...signing(options),
    ...periods(options),
    mirroringMaxEndpointsPerSubset: Number(options.mirroringMaxEndpointsPerSubset),
    terminatedPodThreshold: Number(options.terminatedPodGcThreshold),
  };
}

function signing(options: Options): ControllerSettings {
  const { clusterSigningCertFile: cert, clusterSigningKeyFile: key, clusterSigningDuration } = options;
  if (cert === undefined || key === undefined) return {};
  return {
    clusterSigning: { certificate: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') },
    clusterSigningMs: durationFlag('cluster-signing-duration', clusterSigningDuration),
  };
}

function periods(options: Options): ControllerSettings {
  return {
    endpointSliceBatchMs: durationFlag(
      'endpointslice-updates-batch-period',
      options.endpointsliceUpdatesBatchPeriod,
    ),
    endpointBatchMs: durationFlag('endpoint-updates-batch-period', options.endpointUpdatesBatchPeriod),
    mirroringBatchMs: durationFlag(
      'mirroring-endpointslice-updates-batch-period',
      options.mirroringEndpointsliceUpdatesBatchPeriod,
    ),
    nodeMonitorGracePeriodMs: durationFlag('node-monitor-grace-period', options.nodeMonitorGracePeriod),
  };
}

/** A client per controller with --use-service-account-credentials; else all share the one of the flags. */
function credentials(options: Options, client: Client): Pick<ControllerManagerDeps, 'clientFor'> {
  if (String(options.useServiceAccountCredentials) !== 'true') return {};
  const config = configFromFlags(options);
  return {
    clientFor: ({ name }) => {
      const [namespace = '', account = ''] = name.split(':').slice(-2);
      return createServiceAccountClient(config, { namespace, name: account, client });
    },
  };
}

/** The scheduler is one of the names here, although it holds a lease of its own. */
function selection(text: string): { controllers: string[]; scheduler: boolean } {
  const names = text.split(',');
  const scheduler = !names.includes('-scheduler') && (names.includes('*') || names.includes('scheduler'));
  return { controllers: names.filter((n) => n !== 'scheduler' && n !== '-scheduler'), scheduler };
}
