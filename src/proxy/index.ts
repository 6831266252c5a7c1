/** The service proxy: desired state from the API, rules in the kernel. */
export { type FieldFlag, type FlagKind, flagsToFields } from './config/flags.js';
export { formatProxyConfig, toConfigFile } from './config/format.js';
export { loadProxyConfig } from './config/load.js';
export { ConfigError } from './config/schema.js';
export type { LoadedConfig, ProxyConfig } from './config/types.js';
export type { NodeSettings, Proxier, ProxyMode, ServiceChange, SyncReport } from './contract.js';
export { ModeUnavailableError } from './contract.js';
export { createProxy, type ProxyDependencies, type ProxyOptions } from './create-proxy.js';
export type { SyncedEvent } from './family-proxy.js';
export {
  type ClusterSnapshot,
  type InspectOptions,
  renderRules,
  type TraceAnswer,
  type TraceQuestion,
  takeSnapshot,
  traceConnection,
} from './inspect.js';
export { cleanupProxy, initializeNode } from './modes.js';
export { applyOomScoreAdj } from './sysctls.js';
