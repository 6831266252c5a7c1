/** The API server: listen · request pipeline · authn · authz · admission · registry · watch · discovery. */
export type {
  ApiRequest,
  ApiResponse,
  EgressDialer,
  ObjectStore,
  UpgradeRequest,
  UserInfo,
} from './contracts.js';
export { createInProcessTransport, type InProcessRequest } from './listen/index.js';
export type { ApiServerOptions } from './options.js';
export { type ApiServer, type ApiServerDeps, createApiServer } from './server.js';
