export { createScheduler, type SchedulerOptions } from './controller.js';
