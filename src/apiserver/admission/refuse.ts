import { Errors, type StatusError } from '#api';
import type { AdmissionAttributes } from '../contracts.js';

/** Upstream's admission.NewForbidden: names the object by its generateName while it has no name yet. */
export function refuse(attributes: AdmissionAttributes, why: string): StatusError {
  const metadata = attributes.object?.metadata ?? attributes.oldObject?.metadata;
  const name = attributes.name || metadata?.name || metadata?.generateName || 'Unknown';
  return Errors.forbidden({ group: attributes.kind.group, resource: attributes.kind.resource }, name, why);
}

/** True for the object itself (no subresource) of a kind, e.g. `core.v1.Pod`. */
export function isKind(attributes: AdmissionAttributes, message: string): boolean {
  return attributes.kind.message === message && attributes.subresource === '';
}
