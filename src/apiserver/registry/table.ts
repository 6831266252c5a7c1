import { Errors, type KindInfo, type KubeObject } from '#api';
import type { RequestInfo } from '../contracts.js';
import { printedColumns, printedRow, type TableColumn } from './kind-api.js';
import { partialObject } from './partial.js';

export interface TableOptions {
  apiVersion: string;
  includeObject: 'None' | 'Metadata' | 'Object';
}

export interface TableRow {
  cells: unknown[];
  conditions?: unknown[];
  object?: unknown;
}

export interface Table {
  kind: 'Table';
  apiVersion: string;
  metadata: Record<string, unknown>;
  columnDefinitions: TableColumn[];
  rows: TableRow[];
}

/** Reads `includeObject`; throws BadRequest for values that do not exist. */
export function tableOptions(info: RequestInfo, apiVersion: string): TableOptions {
  const include = info.query.get('includeObject') ?? '';
  if (include === '' || include === 'Metadata') return { apiVersion, includeObject: 'Metadata' };
  if (include === 'None' || include === 'Object') return { apiVersion, includeObject: include };
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
    columnDefinitions: printedColumns(kind),
    rows: objects.map((object) => tableRow(kind, object, options)),
  };
}

function tableRow(kind: KindInfo, object: KubeObject, options: TableOptions): TableRow {
  const { cells, conditions } = printedRow(kind, object);
  const row: TableRow = { cells, ...(conditions === undefined ? {} : { conditions }) };
  if (options.includeObject === 'Object') row.object = object;
  if (options.includeObject === 'Metadata') row.object = partialObject(object, options.apiVersion);
  return row;
}
