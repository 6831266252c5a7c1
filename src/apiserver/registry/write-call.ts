import type { KubeObject } from '#api';
import type { Clock } from '#base';
import type { CachedObject } from '../cacher/cacher.js';
import type { AdmissionAttributes, AdmissionPlugin, UserInfo, WriteContext } from '../contracts.js';
import type { FieldManagement } from './field-management.js';
import type { Resource } from './resource.js';
import type { ObjectStorage } from './storage.js';

/** What the write verbs are built from. */
export interface WriteEnv {
  storage: ObjectStorage;
  admission: AdmissionPlugin[];
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
  warn(text: string): void;
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
    warn: (text) => call.warn(text),
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
export async function admit(
  env: WriteEnv,
  resource: Resource,
  call: WriteCall,
  { operation, namespace, name, object, oldObject }: Admitted,
  phase: 'mutate' | 'validate',
): Promise<void> {
  if (!call.external) return;
  // One literal of one shape: this runs several times per write.
  const attributes: AdmissionAttributes = {
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
    warn: (text) => call.warn(text),
  };
  for (const plugin of env.admission) {
    const verdict = phase === 'mutate' ? plugin.admit?.(attributes) : plugin.validate?.(attributes);
    // Most plugins have nothing to say to most kinds: a turn of the microtask queue for each would add up.
    if (verdict !== undefined) await verdict;
  }
}
