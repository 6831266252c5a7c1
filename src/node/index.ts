/** The node agent: pod sync, process runtime, network, probes, logs, and the kubelet's server. */
export { createNodeAgent } from './agent.js';
export type { NodeDeps, NodeOptions, NodeServerOptions, ServerAccess, ServerCaller } from './options.js';
export * from './runtime.js';
