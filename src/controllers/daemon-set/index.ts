export { createDaemonSetController, type DaemonSetOptions } from './controller.js';
