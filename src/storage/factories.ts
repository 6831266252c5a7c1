export { createMemoryStore, type MemoryStoreOptions } from './memory/index.js';
