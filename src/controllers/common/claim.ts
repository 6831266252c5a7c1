import { isNotFound, type KubeObject, type LabelMatcher, type meta } from '#api';
import type { ResourceClient } from '#client';
import { controllerOf } from './owners.js';

export interface ClaimInput<T extends KubeObject> {
  owner: KubeObject;
  reference: meta.OwnerReference;
  matches: LabelMatcher;
  /** Candidates: everything that matches the selector or is owned already. */
  objects: T[];
  client: ResourceClient<T>;
  /** The owner read past the cache: a deleted or replaced owner must not adopt. */
  readOwner(): Promise<KubeObject>;
  /** Called with the server's answer to an adoption or release. */
  wrote(object: T): void;
}

/**
 * Settles whose objects are whose (controller.ControllerRefManager): owned and matching are kept, owned but no
 * longer matching are released, matching orphans are adopted. Ownership is by UID; objects being deleted are
 * left as they are.
 */
export async function claimObjects<T extends KubeObject>(input: ClaimInput<T>): Promise<T[]> {
  const claimed: T[] = [];
  let mayAdopt: boolean | undefined;
  for (const object of input.objects) {
    const owner = controllerOf(object);
    const matches = input.matches(object.metadata.labels);
    if (owner !== undefined) {
      if (owner.uid !== input.owner.metadata.uid) continue;
      if (matches) claimed.push(object);
      else if (input.owner.metadata.deletionTimestamp === undefined) await release(input, object);
      continue;
    }
    const adoptable = matches && isAlive(object) && isAlive(input.owner);
    if (!adoptable) continue;
    mayAdopt ??= await ownerStillAlive(input);
    const adopted = mayAdopt ? await adopt(input, object) : undefined;
    if (adopted !== undefined) claimed.push(adopted);
  }
  return claimed;
}

function isAlive(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp === undefined;
}

async function ownerStillAlive<T extends KubeObject>(input: ClaimInput<T>): Promise<boolean> {
  const fresh = await input.readOwner();
  return fresh.metadata.uid === input.owner.metadata.uid && isAlive(fresh);
}

function adopt<T extends KubeObject>(input: ClaimInput<T>, object: T): Promise<T | undefined> {
  return setOwners(input, object, [...(object.metadata.ownerReferences ?? []), input.reference]);
}

async function release<T extends KubeObject>(input: ClaimInput<T>, object: T): Promise<void> {
  const others = (object.metadata.ownerReferences ?? []).filter(
    (reference) => reference.uid !== input.owner.metadata.uid,
  );
  await setOwners(input, object, others);
}

/** Conditional on the very object: a namesake or a newer version makes the patch fail, and the sync repeats. */
async function setOwners<T extends KubeObject>(
  input: ClaimInput<T>,
  object: T,
  ownerReferences: meta.OwnerReference[],
): Promise<T | undefined> {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  try {
    const body = { metadata: { uid, resourceVersion, ownerReferences } };
    const patched = await input.client.patch(name!, namespace, 'merge', body);
    input.wrote(patched);
    return patched;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
