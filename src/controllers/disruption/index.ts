export { createDisruptionController } from './controller.js';
