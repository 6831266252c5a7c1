import type { KindInfo } from '../schema/kind-info.js';
import { FieldSet } from './field-set.js';

const paths = (...texts: string[]): FieldSet =>
  FieldSet.of(...texts.map((text) => text.split('.').map((name) => `f:${name}`)));

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

const NOTHING = new FieldSet();
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
    return SPEC.union(paths(...(STATUS_METADATA[kind.message] ?? [])));
  }
  const hasStatus = kind.subresources.includes('status') || kind.subresources.includes('finalize');
  return hasStatus ? STATUS : NOTHING;
}
