/**
 * TypeScript types of every kind in scope, one namespace per API group: `core.Service`,
 * `discovery.EndpointSlice`, `apps.Deployment`, `meta.ObjectMeta` ...
 */
export type * as apiextensions from './apiextensions-v1.gen.js';
export type * as apps from './apps-v1.gen.js';
export type * as authentication from './authentication-v1.gen.js';
export type * as authorization from './authorization-v1.gen.js';
export type * as autoscaling from './autoscaling-v1.gen.js';
export type * as autoscalingV2 from './autoscaling-v2.gen.js';
export type * as batch from './batch-v1.gen.js';
export type * as certificates from './certificates-v1.gen.js';
export type * as coordination from './coordination-v1.gen.js';
export type * as core from './core-v1.gen.js';
export type * as discovery from './discovery-v1.gen.js';
export type * as events from './events-v1.gen.js';
export type * as meta from './meta-v1.gen.js';
export type * as networking from './networking-v1.gen.js';
export type * as node from './node-v1.gen.js';
export type * as policy from './policy-v1.gen.js';
export type * as rbac from './rbac-v1.gen.js';
export type * as resource from './resource-v1.gen.js';
export type { IntOrString, Quantity } from './scalars.js';
export type * as scheduling from './scheduling-v1.gen.js';
export type * as storage from './storage-v1.gen.js';
