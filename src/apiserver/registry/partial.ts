import { encodeProtobuf, encodeProtobufMessage, type KubeObject, message } from '#api';

/** An object cut down to its metadata. */
export function partialObject(object: KubeObject, apiVersion: string): KubeObject {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}

/** As `partialObject`, a whole protobuf body. */
export function encodePartial(object: KubeObject, apiVersion: string): Buffer {
  return encodeProtobuf(partialObject(object, apiVersion), message('meta.v1.PartialObjectMetadata'));
}

/** Some items of a PartialObjectMetadataList, with or without its metadata; all of them together are the list. */
export function encodePartialItems(
  metadata: Record<string, unknown> | undefined,
  objects: KubeObject[],
): Buffer {
  const items = objects.map((object) => ({ metadata: object.metadata }));
  const list = metadata === undefined ? { items } : { metadata, items };
  return encodeProtobufMessage(list, message('meta.v1.PartialObjectMetadataList'));
}
