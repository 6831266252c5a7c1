export { createEndpointSliceMirroringController, type MirroringOptions } from './controller.js';
