import type { KubeObject } from '../object.js';
import type { core, meta } from '../types/index.js';
import { timeSince } from './duration.js';

/** metav1.TableColumnDefinition. Columns of priority 1 show up in wide output only. */
export interface TableColumn {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}

export type Cell = string | number | boolean | null;

/** Columns of one kind and how an object fills them. `now` is in milliseconds since the epoch. */
export interface Printer {
  columns: TableColumn[];
  cells(object: KubeObject, now: number): Cell[];
}

const NAME_DESCRIPTION =
  'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names';
const CREATED_DESCRIPTION =
  'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata';

/** A column: `text` is its name, with `*` in front when it is for wide output. */
export function column(text: string, type = 'string', description = '', format = ''): TableColumn {
  const wide = text.startsWith('*');
  const name = wide ? text.slice(1) : text;
  return { name, type, format, description: description || name, priority: wide ? 1 : 0 };
}

export const nameColumn: TableColumn = column('Name', 'string', NAME_DESCRIPTION, 'name');
export const wideNameColumn: TableColumn = { ...nameColumn, priority: 1 };
export const ageColumn: TableColumn = column('Age', 'string', CREATED_DESCRIPTION);
export const createdColumn: TableColumn = column('Created At', 'string', CREATED_DESCRIPTION);
/** What upstream's default table convertor shows. */
export const createdDateColumn: TableColumn = column('Created At', 'date', CREATED_DESCRIPTION);

export const containerColumns: TableColumn[] = [
  column('*Containers', 'string', 'Names of each container in the template.'),
  column('*Images', 'string', 'Images referenced by each container in the template.'),
];

/** A printer for objects of one type; the registry of printers keeps kinds and printers together. */
export function printer<T extends KubeObject>(
  columns: TableColumn[],
  cells: (object: T, now: number) => Cell[],
): Printer {
  return { columns, cells: cells as Printer['cells'] };
}

export function age(object: KubeObject, now: number): string {
  return timeSince(object.metadata.creationTimestamp, now);
}

/** Names and images of a template's containers. */
export function containerCells(template: core.PodTemplateSpec | undefined): [string, string] {
  const containers = template?.spec?.containers ?? [];
  return [
    containers.map((container) => container.name).join(','),
    containers.map((container) => container.image ?? '').join(','),
  ];
}

/** `a=b,c=d`, sorted; "<none>" for none. */
export function formatLabels(labels: Record<string, string> | undefined): string {
  const text = Object.entries(labels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  return text === '' ? '<none>' : text;
}

function requirementText({ key, operator, values = [] }: meta.LabelSelectorRequirement): string {
  if (operator === 'Exists') return key;
  if (operator === 'DoesNotExist') return `!${key}`;
  return `${key} ${operator === 'In' ? 'in' : 'notin'} (${[...values].sort().join(',')})`;
}

/** A selector as labels.Selector prints it; empty for a selector that selects everything. */
export function selectorText(selector: meta.LabelSelector | undefined): string {
  const parts = [
    ...Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => ({ key, text: `${key}=${value}` })),
    ...(selector?.matchExpressions ?? []).map((one) => ({ key: one.key, text: requirementText(one) })),
  ];
  return parts
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map((part) => part.text)
    .join(',');
}

/** metav1.FormatLabelSelector. */
export function formatSelector(selector: meta.LabelSelector | undefined): string {
  return selectorText(selector) || '<none>';
}

/** At most `max` items and how many more there are. */
export function listWithMore(items: string[], max: number): string {
  const shown = items.slice(0, max).join(',');
  return items.length > max ? `${shown} + ${items.length - max} more...` : shown;
}

/** IPv6 addresses in brackets, as Go's net.JoinHostPort. */
export function joinHostPort(host: string, port: number | string): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
