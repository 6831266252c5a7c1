export { createNodeIpamController, type NodeIpamOptions } from './controller.js';
