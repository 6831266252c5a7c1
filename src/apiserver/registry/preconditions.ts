import { Errors, type GroupResource, type KubeObject } from '#api';

export interface Preconditions {
  uid?: string;
  resourceVersion?: string;
}

/** Upstream's words for a lost update (registry/generic/registry/store.go). */
export const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

/** Throws Conflict when the object is not the one that the caller meant to delete. */
export function checkDeletePreconditions(
  resource: GroupResource,
  object: KubeObject,
  preconditions: Preconditions | undefined,
): void {
  const { name = '', uid = '', resourceVersion = '' } = object.metadata;
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    throw Errors.conflict(
      resource,
      name,
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  }
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    throw Errors.conflict(
      resource,
      name,
      `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
  }
}

/** Throws Conflict when an update names another incarnation of the object. */
export function checkUpdateUid(resource: GroupResource, object: KubeObject, current: KubeObject): void {
  const asked = object.metadata.uid ?? '';
  const have = current.metadata.uid ?? '';
  if (asked === '' || asked === have) return;
  throw Errors.conflict(
    resource,
    current.metadata.name ?? '',
    `Precondition failed: UID in precondition: ${asked}, UID in object meta: ${have}`,
  );
}
