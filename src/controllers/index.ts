/** What a cluster's controllers do, one folder each; all of them see the cluster only through the client. */
export * from './controller-manager.js';
export { type ControllerDeps, type ControllerDepsInput, createControllerDeps } from './deps.js';
export type { LeaderElection } from './leader-group.js';
export { CONTROLLERS, type ControllerSettings, selectControllers } from './registry.js';
