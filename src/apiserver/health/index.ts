export { EventLoopMonitor } from './event-loop.js';
export { Health, type HealthCheck, type HealthEndpoint } from './health.js';
