export { createServiceCidrController, mayBeDeleted, type ServiceCidrOptions } from './controller.js';
