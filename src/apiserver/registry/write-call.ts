import type { KubeObject } from '#api';
import type { Clock } from '#base';
import type { AdmissionChain } from '../admission/chain.js';
import type { CachedObject } from '../cacher/cacher.js';
import type { AdmissionAttributes, UserInfo, WriteContext } from '../contracts.js';
import type { Soon } from '../soon.js';
import type { FieldManagement } from './field-management.js';
import type { Resource } from './resource.js';
import type { ObjectStorage } from './storage.js';

/** What the write verbs are built from. */
export interface WriteEnv {
  storage: ObjectStorage;
  admission: AdmissionChain;
  fields: FieldManagement;
  clock: Clock;
}

/** Who writes, and how. One per request. */
export interface WriteCall {
  user: UserInfo;
  dryRun: boolean;
  /** Empty for the resource itself. */
  subresource: string;
  fieldManager: string;
  /** False for the server's own writes: no admission, no managed fields. */
  external: boolean;
  readonly warn: (text: string) => void;
  /** The request's options, as admission sees them. */
  options?: Record<string, unknown>;
}

/** The outcome of a write: stored bytes, or for a dry run the object that would have been stored. */
export interface Written {
  created: boolean;
  result: { cached: CachedObject } | { object: KubeObject };
}

export function writeContext(call: WriteCall): WriteContext {
  return {
    user: call.user,
    dryRun: call.dryRun,
    subresource: call.subresource,
    warn: call.warn,
  };
}

/** What is being admitted; the members of AdmissionAttributes that differ between operations. */
export interface Admitted {
  operation: AdmissionAttributes['operation'];
  namespace: string;
  name: string;
  object: KubeObject | undefined;
  oldObject: KubeObject | undefined;
}

/** Runs one phase of admission; the server's own writes pass. */
export function admit(
  env: WriteEnv,
  resource: Resource,
  call: WriteCall,
  { operation, namespace, name, object, oldObject }: Admitted,
  phase: 'admit' | 'validate',
): Soon<void> {
  if (!call.external) return;
  // One literal of one shape: this runs several times per write.
  return env.admission.run(phase, {
    operation,
    kind: resource.kind,
    subresource: call.subresource,
    namespace,
    name,
    user: call.user,
    dryRun: call.dryRun,
    object,
    oldObject,
    options: call.options,
    warn: call.warn,
  });
}
