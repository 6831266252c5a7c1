export { createPodGcController, type PodGcOptions } from './controller.js';
