/** In-memory doubles for the unit tests of every layer above the client. */
export * from './fake-client.js';
