export { createNamespaceController, type NamespaceOptions } from './controller.js';
