import type { core } from '#api';
import type { Strategy } from '../contracts.js';

/** `podCIDR` is the first of `podCIDRs`; clients may speak of either. */
function alignPodCIDRs(node: core.Node): void {
  const { spec } = node;
  if (spec === undefined) return;
  if ((spec.podCIDRs ?? []).length === 0 && (spec.podCIDR ?? '') !== '') spec.podCIDRs = [spec.podCIDR!];
  else if ((spec.podCIDRs ?? []).length > 0) spec.podCIDR = spec.podCIDRs![0];
}

/** Nodes register with their status, so a create keeps it. */
export function nodeStrategy(): Strategy<core.Node> {
  return {
    allowUnconditionalUpdate: true,
    keepStatusOnCreate: true,
    prepareForCreate(_context, object) {
      object.spec ??= {};
      alignPodCIDRs(object);
    },
    prepareForUpdate(context, object) {
      if (context.subresource === 'status') return;
      object.spec ??= {};
      alignPodCIDRs(object);
    },
    fields: (object) => ({ 'spec.unschedulable': String(object.spec?.unschedulable ?? false) }),
  };
}
