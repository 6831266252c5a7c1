export * from './backoff.js';
export * from './clock.js';
export * from './ip.js';
export * from './lifecycle.js';
export * from './log.js';
export * from './metrics.js';
export * from './package-root.js';
export * from './pki.js';
