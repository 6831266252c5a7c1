/** Doubles of host programs for the unit tests of proxy and node. */
export * from './fake-programs.js';
