export { Discovery } from './discovery.js';
export { OpenApiEndpoint } from './openapi.js';
export { KUBERNETES_VERSION, versionInfo } from './version.js';
