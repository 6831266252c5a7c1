export { createServiceLoadBalancerController } from './controller.js';
