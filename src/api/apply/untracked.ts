import { apiVersionOf } from '../object.js';
import type { KindInfo } from '../schema/kind-info.js';
import { type FieldSet, fieldSetOf, NO_FIELDS, union } from './field-set.js';
import { type Place, placeOf } from './shape.js';

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

/** What tracking needs to know of one endpoint. */
export interface Endpoint {
  place: Place;
  apiVersion: string;
  /**
   * Fields that a write through this endpoint resets, and that it therefore cannot manage: status on the main
   * endpoint, spec on /status.
   */
  resets: FieldSet;
  /** `resets` and the system fields. */
  untracked: FieldSet;
}

const endpoints = new Map<string, Endpoint>();

export function endpointOf(kind: KindInfo, subresource: string): Endpoint {
  const key = `${kind.message}/${subresource}`;
  let endpoint = endpoints.get(key);
  if (endpoint === undefined) {
    const resets = resetFields(kind, subresource);
    endpoint = {
      place: placeOf(kind.message),
      apiVersion: apiVersionOf(kind.group, kind.version),
      resets,
      untracked: union(systemFields, resets),
    };
    // As many as the server has.
    endpoints.set(key, endpoint);
  }
  return endpoint;
}

/** Kinds that say it otherwise, by endpoint. */
const RESETS: Readonly<Record<string, FieldSet>> = {
  'certificates.v1.CertificateSigningRequest/': paths('spec', 'status'),
  'certificates.v1.CertificateSigningRequest/status': paths('spec', 'status.conditions'),
  'certificates.v1.CertificateSigningRequest/approval': paths('spec', 'status.certificate'),
};

function resetFields(kind: KindInfo, subresource: string): FieldSet {
  const own = `${kind.message}/${subresource}`;
  if (Object.hasOwn(RESETS, own)) return RESETS[own]!;
  if (subresource === 'status') {
    return union(SPEC, paths(...(STATUS_METADATA[kind.message] ?? [])));
  }
  const hasStatus = kind.subresources.includes('status') || kind.subresources.includes('finalize');
  return hasStatus ? STATUS : NO_FIELDS;
}
