/** The only place that starts programs. */
export * from './programs.js';
export * from './spawn-client.js';
