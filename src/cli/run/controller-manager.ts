import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createControllerManager, createSchedulerManager } from '#controllers';
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
  const { controllers, scheduler } = selection(options.controllers);
  const election =
    options.leaderElect === 'false' ? {} : { leaderElection: { identity: `${hostname()}_${randomUUID()}` } };
  const manager = createControllerManager(
    {
      controllers,
      ...(options.clusterCidr === undefined ? {} : { clusterCidrs: options.clusterCidr.split(',') }),
      ...(options.nodeCidrMaskSize === undefined
        ? {}
        : { nodeCidrMaskSizeV4: Number(options.nodeCidrMaskSize) }),
      ...(options.rootCaFile === undefined ? {} : { rootCa: readFileSync(options.rootCaFile, 'utf8') }),
      ...(options.maxEndpointsPerSlice === undefined
        ? {}
        : { maxEndpointsPerSlice: Number(options.maxEndpointsPerSlice) }),
      ...election,
    },
    { client, logger, metrics },
  );
  const schedulers = scheduler
    ? [createSchedulerManager(election, { client, logger: logger.child({ part: 'scheduler' }), metrics })]
    : [];
  await runUntilSignal(
    [closing([client]), createDebugServer(options.debugAddress, metrics), manager, ...schedulers],
    logger,
  );
}

/** The scheduler is one of the names here, although it holds a lease of its own. */
function selection(text: string): { controllers: string[]; scheduler: boolean } {
  const names = text.split(',');
  const scheduler = !names.includes('-scheduler') && (names.includes('*') || names.includes('scheduler'));
  return { controllers: names.filter((n) => n !== 'scheduler' && n !== '-scheduler'), scheduler };
}
