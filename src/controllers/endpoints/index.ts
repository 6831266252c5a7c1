export { createEndpointsController, type EndpointsOptions } from './controller.js';
