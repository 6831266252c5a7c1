import { StatusError } from '../status.js';
import { type FieldSet, pathsOf } from './field-set.js';
import type { Manager } from './managed-fields.js';
import { printPath } from './path-element.js';

/** Fields that an apply would take from another manager. */
export interface Conflict {
  manager: Manager;
  fields: FieldSet;
}

function printManager(manager: Manager): string {
  const name = JSON.stringify(manager.manager);
  const via =
    manager.subresource === '' ? name : `${name} with subresource ${JSON.stringify(manager.subresource)}`;
  return manager.operation === 'Update' ? `${via} using ${manager.apiVersion}` : via;
}

/** 409 with upstream's message and one `FieldManagerConflict` cause per field. */
export function conflictError(conflicts: Conflict[]): StatusError {
  const single = conflicts
    .map(({ manager, fields }) => ({
      who: printManager(manager),
      paths: [...pathsOf(fields)].map(printPath),
    }))
    .sort((a, b) => (a.who < b.who ? -1 : 1));
  const causes = single.flatMap(({ who, paths }) =>
    paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${who}`, field })),
  );
  const text =
    causes.length === 1
      ? `Apply failed with 1 conflict: ${causes[0]!.message}: ${causes[0]!.field}`
      : `Apply failed with ${causes.length} conflicts: ${single
          .map(({ who, paths }) => [`conflicts with ${who}:`, ...paths.map((path) => `- ${path}`)].join('\n'))
          .join('\n')}`;
  return new StatusError('Conflict', text, { causes });
}
