export type { Cell, TableColumn } from './columns.js';
export { humanDuration, shortHumanDuration, timeSince } from './duration.js';
export { podReason } from './pods.js';
export { type IncludeObject, type Table, type TableRow, tableColumns, tableFor, tableRow } from './table.js';
