/** REST client, reflector, informer, work queue, leader election, event recorder. */
export * from './client.js';
export * from './resources.js';
