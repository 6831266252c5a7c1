export * from './errors.js';
export * from './factories.js';
export { SortedMap } from './mvcc/sorted-map.js';
export * from './store.js';
