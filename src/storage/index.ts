export * from './errors.js';
export * from './factories.js';
export * from './store.js';
