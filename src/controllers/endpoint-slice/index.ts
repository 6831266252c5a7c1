export { createEndpointSliceController, type EndpointSliceOptions } from './controller.js';
