export * from './backoff.js';
export * from './clock.js';
export * from './lifecycle.js';
export * from './log.js';
export * from './metrics.js';
