import { Errors, type KubeObject, validateObject, validateObjectUpdate, warningsFor } from '#api';
import type { WriteContext } from '../contracts.js';
import type { Resource } from './resource.js';

/** Warns of what is valid but unwise, and throws Invalid when a new object breaks the rules of its kind or of the cluster. */
export function validateNew(resource: Resource, context: WriteContext, object: KubeObject): void {
  const errors = [
    ...validateObject(resource.kind, object),
    ...(resource.strategy.validateCreate?.(context, object) ?? []),
  ];
  if (errors.length > 0) throw Errors.invalid(resource.kind, object.metadata.name ?? '', errors);
  for (const text of warningsFor(resource.kind, object)) context.warn(text);
}

/** Warns, and throws Invalid when an update breaks the rules of its kind or of the cluster. */
export function validateChanged(
  resource: Resource,
  context: WriteContext,
  object: KubeObject,
  old: KubeObject,
): void {
  const errors = [
    ...validateObjectUpdate(resource.kind, object, old, { subresource: context.subresource }),
    ...(resource.strategy.validateUpdate?.(context, object, old) ?? []),
  ];
  if (errors.length > 0) throw Errors.invalid(resource.kind, object.metadata.name ?? '', errors);
  if (context.subresource !== '') return;
  for (const text of warningsFor(resource.kind, object, old)) context.warn(text);
}
