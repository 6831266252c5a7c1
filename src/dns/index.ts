/** Cluster DNS: wire codec, records from the API, Corefile, plugins, server. */
export { parseCorefile } from './corefile/parse.js';
export { CorefileError } from './corefile/tokens.js';
export { createDnsServer, type DnsServerDeps, type DnsServerOptions } from './dns-server.js';
