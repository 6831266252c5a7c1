import { Errors } from '#api';
import type { Selection } from '../cacher/cacher.js';
import type { RequestInfo } from '../contracts.js';
import { type FieldTerm, labelMatcher, parseFieldTerms } from './kind-api.js';
import type { Resource } from './resource.js';

export interface Selected {
  selection: Selection;
  /** True when labels or fields cut the collection down. */
  filtered: boolean;
}

/** What a collection request selects, from its path and selectors. Throws BadRequest for what cannot be parsed. */
export function selectionOf(info: RequestInfo, resource: Resource): Selected {
  const selection: Selection = {};
  if (info.namespace !== '') selection.namespace = info.namespace;
  const labels = info.query.get('labelSelector') ?? '';
  const fields = info.query.get('fieldSelector') ?? '';
  if (labels !== '') selection.labels = labelMatcher(labels);
  if (fields !== '') selectFields(selection, resource, fields);
  return { selection, filtered: labels !== '' || fields !== '' };
}

function selectFields(selection: Selection, resource: Resource, text: string): void {
  const terms = parseFieldTerms(text);
  for (const term of terms) checkField(resource, term.field);
  const rest: FieldTerm[] = [];
  for (const term of terms) {
    if (term.field === 'metadata.name' && term.operator === '=' && selection.name === undefined) {
      selection.name = term.value;
    } else if (
      term.field === 'metadata.namespace' &&
      term.operator === '=' &&
      selection.namespace === undefined &&
      resource.kind.namespaced
    ) {
      selection.namespace = term.value;
    } else rest.push(term);
  }
  const index = rest.find((term) => term.field === 'spec.nodeName' && term.operator === '=');
  if (index !== undefined && resource.kind.resource === 'pods') selection.indexValue = index.value;
  if (rest.length > 0) selection.fields = (fields) => rest.every((term) => holds(resource, term, fields));
}

function holds(resource: Resource, term: FieldTerm, fields: Readonly<Record<string, string>>): boolean {
  const value = fields[storedField(resource, term.field)] ?? '';
  return (value === term.value) === (term.operator === '=');
}

/** The cache knows the stored kind's field names. */
function storedField(resource: Resource, field: string): string {
  if (resource.convert === undefined) return field;
  if (field.startsWith('regarding.')) return `involvedObject.${field.slice('regarding.'.length)}`;
  return field === 'reportingController' ? 'reportingComponent' : field;
}

function checkField(resource: Resource, field: string): void {
  if (field === 'metadata.name') return;
  if (field === 'metadata.namespace') return;
  if (resource.kind.selectableFields.includes(field)) return;
  throw Errors.badRequest(
    resource.kind.selectableFields.length > 0
      ? `field label not supported: ${field}`
      : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}
