export { createNodeLifecycleController, type NodeLifecycleOptions } from './controller.js';
