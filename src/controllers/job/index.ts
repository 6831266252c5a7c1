export { createJobController } from './controller.js';
export { finishedCondition } from './status.js';
