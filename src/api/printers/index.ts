export type { Cell, TableColumn } from './columns.js';
export { humanDuration, timeSince } from './duration.js';
export { type IncludeObject, type Table, type TableRow, tableColumns, tableFor, tableRow } from './table.js';
