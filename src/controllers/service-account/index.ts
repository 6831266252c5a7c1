export { createServiceAccountController, type ServiceAccountOptions } from './controller.js';
