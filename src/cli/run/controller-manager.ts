import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createControllerManager } from '#controllers';
import type { ClientFlags } from '../commands/client-flags.js';
import { clientFromFlags, componentBase, createDebugServer, runUntilSignal } from '../compose/standalone.js';
import { closing } from '../compose/startables.js';

/** The flags of `kubesvc controller-manager`. */
export interface Options extends ClientFlags {
  controllers: string;
  leaderElect: string;
  clusterCidr?: string;
  nodeCidrMaskSize?: string;
  rootCaFile?: string;
  maxEndpointsPerSlice?: string;
  debugAddress: string;
}

/** Runs the component until a signal. */
export async function run(options: Options): Promise<void> {
  const { logger, metrics } = componentBase('controller-manager', options.v);
  const client = clientFromFlags(options, 'kubesvc-controller-manager');
  const manager = createControllerManager(
    {
      controllers: options.controllers.split(','),
      ...(options.clusterCidr === undefined ? {} : { clusterCidrs: options.clusterCidr.split(',') }),
      ...(options.nodeCidrMaskSize === undefined
        ? {}
        : { nodeCidrMaskSizeV4: Number(options.nodeCidrMaskSize) }),
      ...(options.rootCaFile === undefined ? {} : { rootCa: readFileSync(options.rootCaFile, 'utf8') }),
      ...(options.maxEndpointsPerSlice === undefined
        ? {}
        : { maxEndpointsPerSlice: Number(options.maxEndpointsPerSlice) }),
      ...(options.leaderElect === 'false'
        ? {}
        : { leaderElection: { identity: `${hostname()}_${randomUUID()}` } }),
    },
    { client, logger, metrics },
  );
  await runUntilSignal(
    [closing([client]), createDebugServer(options.debugAddress, metrics), manager],
    logger,
  );
}
