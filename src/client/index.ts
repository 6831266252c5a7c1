/** REST client, reflector, informer, work queue, leader election, event recorder. */
export * from './client.js';
export * from './event-recorder.js';
export * from './http-transport.js';
export * from './informer.js';
export * from './kubeconfig.js';
export * from './leader-election.js';
export * from './object-cache.js';
export type { ObservedRequest } from './observe-requests.js';
export * from './resources.js';
export * from './rest-client.js';
export * from './service-account-transport.js';
export * from './transport.js';
export * from './work-queue.js';
