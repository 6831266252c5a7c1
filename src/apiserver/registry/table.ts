import {
  Errors,
  type KindInfo,
  type KubeObject,
  type TableColumn,
  type TableRow,
  tableColumns,
  tableRow,
} from '#api';
import type { RequestInfo } from '../contracts.js';

export interface TableOptions {
  apiVersion: string;
  includeObject: 'None' | 'Metadata' | 'Object';
  /** What ages are computed against, milliseconds since the epoch. */
  now: number;
}

export interface Table {
  kind: 'Table';
  apiVersion: string;
  metadata: Record<string, unknown>;
  /** Only the first event of a watch carries them. */
  columnDefinitions: TableColumn[] | null;
  rows: TableRow[];
}

/** Reads `includeObject`; throws BadRequest for values that do not exist. */
export function tableOptions(info: RequestInfo, apiVersion: string, now: number): TableOptions {
  const include = info.query.get('includeObject') ?? '';
  if (include === '' || include === 'Metadata') return { apiVersion, includeObject: 'Metadata', now };
  if (include === 'None' || include === 'Object') return { apiVersion, includeObject: include, now };
  throw Errors.badRequest(`unrecognized includeObject value: ${JSON.stringify(include)}`);
}

/** The printed form of some objects. `metadata` is a list's, or the single object's (whose version is used). */
export function buildTable(
  kind: KindInfo,
  objects: KubeObject[],
  options: TableOptions,
  metadata: Record<string, unknown> | KubeObject['metadata'],
): Table {
  const { resourceVersion, continue: token, remainingItemCount } = metadata as Record<string, unknown>;
  return {
    kind: 'Table',
    apiVersion: options.apiVersion,
    metadata: {
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(token === undefined ? {} : { continue: token }),
      ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
    },
    columnDefinitions: tableColumns(kind),
    rows: objects.map((object) => tableRow(kind, object, options)),
  };
}
