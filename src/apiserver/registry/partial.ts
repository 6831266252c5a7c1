import type { KubeObject } from '#api';

/** An object cut down to its metadata. */
export function partialObject(object: KubeObject, apiVersion: string): Record<string, unknown> {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}
