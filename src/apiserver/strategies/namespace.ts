import type { core } from '#api';
import type { Strategy } from '../contracts.js';

const FINALIZER = 'kubernetes';
const NAME_LABEL = 'kubernetes.io/metadata.name';

function label(namespace: core.Namespace): void {
  const { metadata } = namespace;
  metadata.labels = { ...metadata.labels, [NAME_LABEL]: metadata.name ?? '' };
}

/**
 * Namespaces (upstream registry/core/namespace). `spec.finalizers` holds a deleted namespace until the namespace
 * controller has emptied it and clears the list through /finalize.
 */
export function namespaceStrategy(): Strategy<core.Namespace> {
  return {
    allowUnconditionalUpdate: true,
    returnDeletedObject: true,
    prepareForCreate(_context, object) {
      label(object);
      object.status = { phase: 'Active' };
      const finalizers = object.spec?.finalizers ?? [];
      object.spec = {
        ...object.spec,
        finalizers: finalizers.includes(FINALIZER) ? finalizers : [...finalizers, FINALIZER],
      };
    },
    prepareForUpdate(context, object, old) {
      if (context.subresource === '')
        object.spec = { ...object.spec, finalizers: [...(old.spec?.finalizers ?? [])] };
      label(object);
    },
    heldBySpec: (object) => (object.spec?.finalizers ?? []).length > 0,
    prepareForMark(object) {
      object.status = { ...object.status, phase: 'Terminating' };
    },
    fields: (object) => ({ 'status.phase': object.status?.phase ?? '', name: object.metadata.name ?? '' }),
  };
}
