export { Discovery } from './discovery.js';
export { KUBERNETES_VERSION, versionInfo } from './version.js';
