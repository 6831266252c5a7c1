export { createTtlAfterFinishedController } from './controller.js';
