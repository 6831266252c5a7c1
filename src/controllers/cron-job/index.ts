export { createCronJobController } from './controller.js';
