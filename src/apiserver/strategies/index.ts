import type { Allocators } from '../allocators/index.js';
import type { ServerDeps, Strategies } from '../deps.js';
import { certificateRequestStrategy } from './certificate-request.js';
import {
  claimStrategy,
  configMapStrategy,
  eventStrategy,
  newEventStrategy,
  secretStrategy,
  serviceAccountStrategy,
  volumeStrategy,
} from './config.js';
import { jobStrategy } from './job.js';
import { namespaceStrategy } from './namespace.js';
import { nodeStrategy } from './node.js';
import { podStrategy } from './pod.js';
import { serviceStrategy } from './service/strategy.js';
import {
  entry,
  machineryStrategies,
  networkingStrategies,
  policyStrategies,
  workloadStrategies,
} from './simple.js';

/**
 * What each kind adds to the generic registry, by message. Validation of objects is the generic registry's
 * (`validateObject` of #api); strategies only add what depends on the cluster.
 */
export function createStrategies(deps: ServerDeps, allocators: Allocators): Strategies {
  return new Map([
    entry('core.v1.Service', serviceStrategy(deps, allocators)),
    entry('core.v1.Pod', podStrategy()),
    entry('core.v1.Namespace', namespaceStrategy()),
    entry('core.v1.Node', nodeStrategy()),
    entry('core.v1.Secret', secretStrategy()),
    entry('core.v1.ConfigMap', configMapStrategy()),
    entry('core.v1.ServiceAccount', serviceAccountStrategy()),
    entry('core.v1.Event', eventStrategy()),
    entry('events.v1.Event', newEventStrategy()),
    entry('core.v1.PersistentVolume', volumeStrategy()),
    entry('core.v1.PersistentVolumeClaim', claimStrategy()),
    entry('batch.v1.Job', jobStrategy()),
    entry('certificates.v1.CertificateSigningRequest', certificateRequestStrategy(deps)),
    ...workloadStrategies(),
    ...networkingStrategies(),
    ...policyStrategies(),
    ...machineryStrategies(),
  ]);
}
