export * from './open-api.js';
