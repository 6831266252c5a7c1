export { createTaintEvictionController, evictionTime } from './controller.js';
