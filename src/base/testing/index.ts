/** Doubles and test data of the base layer. */
export * from './signing-request.js';
