/** Kinds, pure: schema tables, defaults, validation, selectors, quantities, patches, codecs. No I/O. */
export * from './apply/index.js';
export * from './codec/index.js';
export * from './defaults/index.js';
export * from './object.js';
export * from './openapi/index.js';
export * from './patch/index.js';
export * from './printers/index.js';
export * from './schema/index.js';
export * from './selectors/index.js';
export * from './status.js';
export * from './types/index.js';
export * from './validation/index.js';
