import type { KindInfo, KubeObject } from '#api';
import type { Clock, Logger, Metrics, Startable } from '#base';
import type {
  ApiResponse,
  Authenticator,
  Authorizer,
  EgressDialer,
  ObjectStore,
  RequestContext,
  Strategy,
  SubresourceHandler,
  VirtualHandler,
} from './contracts.js';

/**
 * What every part behind the request pipeline is built from. The composition (the pipeline's side) makes one
 * and hands it to `createAuthenticator`, `createAuthorizer`, `createAdmission`, `createAllocators`,
 * `createStrategies`, `createSubresources` and `createBootstrap`.
 */
export interface ServerDeps {
  store: ObjectStore;
  /** The kind of a schema message (`core.v1.Service`); throws for a message that no kind has. */
  kind(message: string): KindInfo;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
}

/** Content negotiation for handlers that the generic registry does not serve. */
export interface BodyCodec {
  /** Reads the body (JSON, YAML, protobuf) as an object of this message, pruned and defaulted. Throws StatusError. */
  read<T extends KubeObject>(context: RequestContext, message: string): Promise<T>;
  /** The answer in the encoding and form that the client accepts. */
  write(context: RequestContext, status: number, object: KubeObject): ApiResponse;
}

/** A part with a life: `start` fills its caches from the store and resolves when they are complete. */
export type Living<T> = T & Startable;

/** Handlers by `message/subresource`, e.g. `core.v1.Pod/log`. */
export type SubresourceHandlers = Map<string, SubresourceHandler>;
/** Handlers of virtual kinds by message, e.g. `authorization.v1.SubjectAccessReview`. */
export type VirtualHandlers = Map<string, VirtualHandler>;
/** Strategies by message. Kinds without an entry are served by the generic registry alone. */
export type Strategies = Map<string, Strategy>;

export type { Authenticator, Authorizer, EgressDialer };
