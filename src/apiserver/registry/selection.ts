import { checkFieldSelector, type FieldRequirement, parseFieldSelector, parseLabelSelector } from '#api';
import type { Selection } from '../cacher/cacher.js';
import type { RequestInfo } from '../contracts.js';
import type { Resource } from './resource.js';

/** What a collection request selects, from its path and selectors. Throws BadRequest for what cannot be parsed. */
export function selectionOf(info: RequestInfo, resource: Resource): Selection {
  const selection: Selection = {};
  if (info.namespace !== '') selection.namespace = info.namespace;
  const labels = info.query.get('labelSelector') ?? '';
  const fields = info.query.get('fieldSelector') ?? '';
  if (labels !== '') {
    const selector = parseLabelSelector(labels);
    selection.labels = (values) => selector.matches(values);
  }
  if (fields !== '') selectFields(selection, resource, fields);
  return selection;
}

function selectFields(selection: Selection, resource: Resource, text: string): void {
  const selector = parseFieldSelector(text);
  checkFieldSelector(resource.kind, selector);
  const rest: FieldRequirement[] = [];
  for (const term of selector.requirements) {
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

function holds(
  resource: Resource,
  term: FieldRequirement,
  fields: Readonly<Record<string, string>>,
): boolean {
  const value = fields[storedField(resource, term.field)] ?? '';
  return (value === term.value) === (term.operator === '=');
}

/** The cache knows the stored kind's field names. */
function storedField(resource: Resource, field: string): string {
  if (resource.convert === undefined) return field;
  if (field.startsWith('regarding.')) return `involvedObject.${field.slice('regarding.'.length)}`;
  return field === 'reportingController' ? 'reportingComponent' : field;
}
