export { createDeploymentController, type DeploymentOptions } from './controller.js';
