import type { KubeObject } from '../object.js';
import type { KindInfo } from '../schema/kind-info.js';
import type { batch, core } from '../types/index.js';
import type { FieldSelector } from './field-selector.js';
import { SelectorError } from './selector-error.js';

/** Fields whose value is not simply the one at their path. */
const SPECIAL: Readonly<Record<string, (object: never) => unknown>> = {
  'core.v1.Event/source': (event: core.Event) => event.source?.component || event.reportingComponent,
  'core.v1.Pod/status.podIPs': (pod: core.Pod) => pod.status?.podIPs?.[0]?.ip,
  'core.v1.Pod/spec.hostNetwork': (pod: core.Pod) => pod.spec?.hostNetwork === true,
  'core.v1.Node/spec.unschedulable': (node: core.Node) => node.spec?.unschedulable === true,
  'core.v1.ReplicationController/status.replicas': (rc: core.ReplicationController) =>
    rc.status?.replicas ?? 0,
  'batch.v1.Job/status.successful': (job: batch.Job) => job.status?.succeeded ?? 0,
};

/** Values of an object's selectable fields, by field. */
export function selectableFieldsOf(kind: KindInfo, object: KubeObject): Record<string, string> {
  const fields: Record<string, string> = { 'metadata.name': object.metadata.name ?? '' };
  if (kind.namespaced) fields['metadata.namespace'] = object.metadata.namespace ?? '';
  for (const field of kind.selectableFields) {
    fields[field] = fieldValue(kind, object, field);
  }
  return fields;
}

/** The value of one selectable field; the empty text when it is absent. */
export function fieldValue(kind: KindInfo, object: KubeObject, field: string): string {
  const special = SPECIAL[`${kind.message}/${field}`];
  if (special !== undefined) return text(special(object as never));
  if (field === 'name') return object.metadata.name ?? '';
  let value: unknown = object;
  for (const part of field.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return '';
    value = (value as Record<string, unknown>)[part];
  }
  return text(value);
}

function text(value: unknown): string {
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
}

/** Kinds of the core group word unknown fields one way, kinds without fields of their own another. */
export function checkFieldSelector(kind: KindInfo, selector: FieldSelector): void {
  for (const { field } of selector.requirements) {
    if (field === 'metadata.name' || field === 'metadata.namespace') continue;
    if (kind.selectableFields.includes(field)) continue;
    throw new SelectorError(unsupported(kind, field));
  }
}

function unsupported(kind: KindInfo, field: string): string {
  if (kind.selectableFields.length === 0) {
    const quoted = JSON.stringify(field);
    return `${quoted} is not a known field selector: only "metadata.name", "metadata.namespace"`;
  }
  if (kind.group === 'apps' || kind.group === 'batch') {
    return `field label ${JSON.stringify(field)} not supported for ${kind.group}v1.${kind.kind}`;
  }
  return `field label not supported: ${field}`;
}
