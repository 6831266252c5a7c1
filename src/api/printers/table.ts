import type { KubeList, KubeObject } from '../object.js';
import type { KindInfo } from '../schema/kind-info.js';
import {
  type Cell,
  createdDateColumn,
  nameColumn,
  type Printer,
  printer,
  type TableColumn,
} from './columns.js';
import { corePrinters } from './core-printers.js';
import { machineryPrinters } from './machinery-printers.js';
import { otherPrinters } from './other-printers.js';
import { podPrinter } from './pods.js';
import { workloadPrinters } from './workload-printers.js';

/** What a row carries of its object: metadata only (the default), nothing, or all of it. */
export type IncludeObject = 'Metadata' | 'None' | 'Object';

export interface TableRow {
  cells: Cell[];
  conditions?: { type: string; status: string; reason: string; message: string }[];
  object: KubeObject | null;
}

/** metav1.Table as JSON. */
export interface Table {
  kind: 'Table';
  apiVersion: 'meta.k8s.io/v1';
  metadata: KubeList['metadata'];
  columnDefinitions: TableColumn[];
  rows: TableRow[];
}

const PRINTERS: Readonly<Record<string, Printer>> = {
  ...corePrinters,
  ...workloadPrinters,
  ...machineryPrinters,
  ...otherPrinters,
  'core.v1.Pod': podPrinter,
};

/** Kinds without a printer of their own show their name and when they were made. */
const fallback = printer([nameColumn, createdDateColumn], (object) => [
  object.metadata.name ?? '',
  object.metadata.creationTimestamp ?? '',
]);

function printerOf(kind: KindInfo): Printer {
  return (Object.hasOwn(PRINTERS, kind.message) ? PRINTERS[kind.message] : undefined) ?? fallback;
}

/** Columns of a kind's table; the same array for every call. */
export function tableColumns(kind: KindInfo): TableColumn[] {
  return printerOf(kind).columns;
}

function finishedPod(kind: KindInfo, object: KubeObject): TableRow['conditions'] {
  if (kind.message !== 'core.v1.Pod') return undefined;
  const phase = (object as { status?: { phase?: string } }).status?.phase;
  if (phase !== 'Succeeded' && phase !== 'Failed') return undefined;
  const message = phase === 'Succeeded' ? 'The pod has completed successfully.' : 'The pod failed.';
  return [{ type: 'Completed', status: 'True', reason: phase, message }];
}

function rowObject(kind: KindInfo, object: KubeObject, include: IncludeObject): KubeObject | null {
  if (include === 'None') return null;
  if (include === 'Metadata') {
    return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
  }
  const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
  return { ...object, kind: kind.kind, apiVersion };
}

/** One object as a row. `now` is in milliseconds since the epoch; ages are computed against it. */
export function tableRow(
  kind: KindInfo,
  object: KubeObject,
  options: { includeObject?: IncludeObject; now: number },
): TableRow {
  const conditions = finishedPod(kind, object);
  return {
    cells: printerOf(kind).cells(object, options.now),
    ...(conditions === undefined ? {} : { conditions }),
    object: rowObject(kind, object, options.includeObject ?? 'Metadata'),
  };
}

/**
 * Objects as kube-apiserver's Table (`as=Table;v=v1;g=meta.k8s.io`). `objects` may be one object, several, or a
 * list whose metadata the table takes over. In a watch only the first event carries `columnDefinitions`: pass
 * `columns: false` for the others.
 */
export function tableFor(
  kind: KindInfo,
  objects: KubeObject | KubeObject[] | KubeList,
  options: { includeObject?: IncludeObject; now: number; columns?: boolean },
): Table {
  const isList = !Array.isArray(objects) && 'items' in objects && Array.isArray(objects.items);
  const items = Array.isArray(objects)
    ? objects
    : isList
      ? (objects as KubeList).items
      : [objects as KubeObject];
  const own = Array.isArray(objects) ? undefined : objects.metadata;
  const metadata: KubeList['metadata'] = isList
    ? { ...own }
    : own?.resourceVersion === undefined
      ? {}
      : { resourceVersion: own.resourceVersion };
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: options.columns === false ? [] : tableColumns(kind),
    rows: items.map((object) => tableRow(kind, object, options)),
  };
}
