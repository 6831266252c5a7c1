export { Discovery } from './discovery.js';
export { OpenApiEndpoint } from './openapi.js';
export { versionInfo } from './version.js';
