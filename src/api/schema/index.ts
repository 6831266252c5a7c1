export type * from './kind-info.js';
