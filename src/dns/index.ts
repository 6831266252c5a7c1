/** Cluster DNS: wire codec, records from the API, Corefile, plugins, server. */
export { CLUSTER_COREFILE, type ConfigMapKey } from './corefile/config-map.js';
export { parseCorefile } from './corefile/parse.js';
export { CorefileError } from './corefile/tokens.js';
export { createDnsServer, type DnsServer, type DnsServerDeps, type DnsServerOptions } from './dns-server.js';
export { type ExplainOptions, type ExplainStep, type Explanation, explain } from './explain.js';
export { restClientMetrics } from './metrics/rest-client.js';
export type { Placement } from './plugins/setup-context.js';
