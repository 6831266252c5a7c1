export { createRootCaController, type RootCaOptions } from './controller.js';
