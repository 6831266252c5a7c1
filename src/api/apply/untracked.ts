import type { KindInfo } from '../schema/kind-info.js';
import { type FieldSet, fieldSetOf, NO_FIELDS, union } from './field-set.js';

const paths = (...texts: string[]): FieldSet =>
  fieldSetOf(...texts.map((text) => text.split('.').map((name) => `f:${name}`)));

/** Never managed by anyone (upstream's stripMeta). */
export const systemFields: FieldSet = paths(
  'apiVersion',
  'kind',
  'metadata',
  'metadata.name',
  'metadata.namespace',
  'metadata.creationTimestamp',
  'metadata.selfLink',
  'metadata.uid',
  'metadata.clusterName',
  'metadata.generation',
  'metadata.managedFields',
  'metadata.resourceVersion',
);

const STATUS = paths('status');
const SPEC = paths('spec');

/** Kinds whose /status also leaves some metadata alone (their strategies' GetResetFields). */
const STATUS_METADATA: Readonly<Record<string, string[]>> = {
  'core.v1.Pod': ['metadata.deletionTimestamp', 'metadata.ownerReferences'],
  'apps.v1.Deployment': ['metadata.labels'],
  'networking.v1.ServiceCIDR': [],
};

/**
 * Fields that a write through this endpoint resets, and that it therefore cannot manage: status on the main
 * endpoint, spec on /status.
 */
export function resetFields(kind: KindInfo, subresource: string): FieldSet {
  if (subresource === 'status') {
    return union(SPEC, paths(...(STATUS_METADATA[kind.message] ?? [])));
  }
  const hasStatus = kind.subresources.includes('status') || kind.subresources.includes('finalize');
  return hasStatus ? STATUS : NO_FIELDS;
}

const untrackedByEndpoint = new Map<string, FieldSet>();

/** What a write through this endpoint never comes to manage: system fields, and what it resets. */
export function untracked(kind: KindInfo, subresource: string): FieldSet {
  const endpoint = `${kind.message}/${subresource}`;
  let fields = untrackedByEndpoint.get(endpoint);
  if (fields === undefined) {
    fields = union(systemFields, resetFields(kind, subresource));
    // One per endpoint that the server has.
    untrackedByEndpoint.set(endpoint, fields);
  }
  return fields;
}
