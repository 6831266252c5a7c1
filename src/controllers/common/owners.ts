import { apiVersionOf, type KubeObject, type meta } from '#api';

/** The owner that manages the object, if any. */
export function controllerOf(object: KubeObject): meta.OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

/** The reference that makes `owner` the managing owner; its foreground deletion waits for the object. */
export function controllerReference(
  owner: KubeObject,
  of: { group: string; version: string; kind: string },
): meta.OwnerReference {
  return {
    apiVersion: apiVersionOf(of.group, of.version),
    kind: of.kind,
    name: owner.metadata.name!,
    uid: owner.metadata.uid!,
    controller: true,
    blockOwnerDeletion: true,
  };
}
