export * from './event-conversion.js';
export type * from './kind-info.js';
export * from './kinds.js';
export * from './messages.js';
export * from './registry.js';
export * from './subresources.js';
export * from './time.js';
export type { ScalarType, TypeRef } from './type-ref.js';
export * from './walker.js';
