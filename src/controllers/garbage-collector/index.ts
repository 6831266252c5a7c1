export { createGarbageCollector, type GarbageCollectorOptions } from './controller.js';
