export { createStatefulSetController } from './controller.js';
