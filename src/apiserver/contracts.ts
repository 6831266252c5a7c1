import type { Duplex, Readable } from 'node:stream';
import type { FieldError, KindInfo, KubeObject } from '#api';
import type { Soon } from './soon.js';

/** Who is asking. `system:authenticated` / `system:unauthenticated` are in `groups` after authentication. */
export interface UserInfo {
  name: string;
  uid?: string;
  groups: string[];
  extra?: Record<string, string[]>;
}

export const anonymous: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/**
 * One HTTP request, whatever carried it (HTTP/1.1, HTTP/2, in-process). Header names are lower case.
 * `signal` aborts when the caller goes away or the request times out.
 */
export interface ApiRequest {
  method: string;
  /** Path and query as sent. */
  url: string;
  headers: Record<string, string | undefined>;
  /** Whether a body follows the head; it may turn out to be empty. */
  hasBody?: boolean;
  /** Reads the body once; rejects with StatusError RequestEntityTooLarge above the limit (3 MiB). */
  body(): Promise<Buffer>;
  /** The body unread, for proxied requests. */
  stream(): Readable;
  /** Verified client certificate, when one was presented: its subject, and the SHA-256 of it all in hexadecimal. */
  clientCertificate?: { commonName: string; organizations: string[]; fingerprint: string };
  /** Why the client certificate that was presented does not verify against the client CA. */
  clientCertificateError?: string;
  /** Set by trusted in-process callers; skips authentication, never authorization. */
  user?: UserInfo;
  remoteAddress?: string;
  signal: AbortSignal;
}

/** The answer. A streaming body is pulled: a slow reader stops the producer. Chunks are written as they come. */
export interface ApiResponse {
  status: number;
  headers: Record<string, string>;
  body: Buffer | Buffer[] | AsyncIterable<Buffer>;
  /** The stream is one document (a long list): it may be compressed, and need not be flushed chunk by chunk. */
  document?: boolean;
  /** Aborts when the stream has no more to say: a client that does not read the rest soon is cut off. */
  over?: AbortSignal;
}

/** A protocol upgrade (exec, attach, port-forward, proxy): the socket after the request head, and bytes read ahead. */
export interface UpgradeRequest extends ApiRequest {
  socket: Duplex;
  head: Buffer;
}

/** Upstream's RequestInfo (apiserver/pkg/endpoints/request/requestinfo.go). */
export interface RequestInfo {
  isResourceRequest: boolean;
  path: string;
  query: URLSearchParams;
  /** get, list, watch, create, update, patch, delete, deletecollection, proxy; or the lower-case HTTP method. */
  verb: string;
  apiPrefix: string;
  group: string;
  version: string;
  namespace: string;
  resource: string;
  subresource: string;
  name: string;
  /** Path segments from the resource on. */
  parts: string[];
  labelSelector?: string;
  fieldSelector?: string;
}

/** Everything a handler may ask of a request. */
export interface RequestContext {
  request: ApiRequest;
  info: RequestInfo;
  user: UserInfo;
  /** Adds a `Warning: 299 - "text"` header to the answer (deduplicated, bounded). */
  warn(text: string): void;
}

/** Says who is asking; undefined means "not mine, try the next". Throws StatusError Unauthorized for bad credentials. */
export interface Authenticator {
  authenticate(request: ApiRequest): Soon<UserInfo | undefined>;
}

export interface AuthorizationAttributes {
  user: UserInfo;
  verb: string;
  isResourceRequest: boolean;
  path: string;
  group: string;
  version: string;
  namespace: string;
  resource: string;
  subresource: string;
  name: string;
  labelSelector?: string;
  fieldSelector?: string;
}
export interface Decision {
  decision: 'allow' | 'deny' | 'noOpinion';
  reason: string;
}
export interface Authorizer {
  authorize(attributes: AuthorizationAttributes): Soon<Decision>;
}

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
export interface AdmissionAttributes {
  operation: AdmissionOperation;
  kind: KindInfo;
  subresource: string;
  namespace: string;
  name: string;
  user: UserInfo;
  dryRun: boolean;
  /** The new object (mutable in `admit`); absent for DELETE. */
  object?: KubeObject;
  oldObject?: KubeObject;
  options?: Record<string, unknown>;
  warn(text: string): void;
}
/** Mutation first over all plugins, then validation over all, as upstream. Throws StatusError to refuse. */
export interface AdmissionPlugin {
  readonly name: string;
  /** Messages of the kinds that it has a say in; absent: all kinds. */
  readonly kinds?: readonly string[];
  admit?(attributes: AdmissionAttributes): Promise<void> | void;
  validate?(attributes: AdmissionAttributes): Promise<void> | void;
}

/** A new object that is stored in one transaction with the write that it belongs to; it must not exist before. */
export interface Claim {
  kind: KindInfo;
  object: KubeObject;
}

/** An object that leaves the store in one transaction with the one that it belongs to, if it is still at this version. */
export interface Release {
  kind: KindInfo;
  object: KubeObject;
}

/** Undo and confirm of side allocations made around a write (addresses, ports). Both are called at most once. */
export interface Allocation {
  commit(): Promise<void> | void;
  rollback(): Promise<void> | void;
  /** What the write needs to have for itself, as of now. */
  claims?(): Claim[];
  /** Somebody else has what was claimed: claims something else and edits the object, or throws what the client is told. */
  lost?(claim: Claim): void;
}

export interface WriteContext {
  user: UserInfo;
  dryRun: boolean;
  subresource: string;
  warn(text: string): void;
}

/**
 * What differs between kinds on the write path; everything else is the generic registry. All hooks are
 * optional. Order on create: metadata (name, uid, creationTimestamp) → beginCreate → prepareForCreate → validateCreate → store → commit; on
 * update: beginUpdate → prepareForUpdate → validateUpdate → store → commit. Objects are mutable in `prepare*`
 * and in `begin*`.
 */
export interface Strategy<T extends KubeObject = KubeObject> {
  beginCreate?(context: WriteContext, object: T): Promise<Allocation>;
  prepareForCreate?(context: WriteContext, object: T): void;
  validateCreate?(context: WriteContext, object: T): FieldError[];
  beginUpdate?(context: WriteContext, object: T, old: T): Promise<Allocation>;
  prepareForUpdate?(context: WriteContext, object: T, old: T): void;
  validateUpdate?(context: WriteContext, object: T, old: T): FieldError[];
  /** What the client says of status at creation counts (Nodes); otherwise it is dropped. */
  keepStatusOnCreate?: boolean;
  /** PUT may create. */
  allowCreateOnUpdate?: boolean;
  /** PUT without a resourceVersion overwrites instead of 422. */
  allowUnconditionalUpdate?: boolean;
  /** Grace period in seconds for this delete, or undefined when the kind is deleted at once. */
  graceSeconds?(object: T, requested: number | undefined): number | undefined;
  /**
   * Something besides metadata.finalizers still holds the object (Namespace spec.finalizers): DELETE marks it
   * instead of removing it, and an update after which nothing holds a marked object removes it.
   */
  heldBySpec?(object: T): boolean;
  /** Runs when DELETE marks the object (deletionTimestamp is set) instead of removing it. */
  prepareForMark?(object: T): void;
  /** What leaves the store together with the object. Another writer may keep it there: `afterDelete` looks again. */
  leavesWith?(object: T): Promise<Release[]>;
  /** Runs after the object has left the store. */
  afterDelete?(context: WriteContext, object: T): Promise<void>;
  /** Success DELETE answers with the object instead of a Status. */
  returnDeletedObject?: boolean;
  /** Values of the kind's selectable fields (besides metadata.name and metadata.namespace). */
  fields?(object: T): Record<string, string>;
  /** Seconds after which a new object deletes itself (Events). */
  ttlSeconds?(object: T): number | undefined;
  /** Warning sent with every answer about this kind (a deprecated API). */
  deprecation?: string;
  /** Changes an object on its way out (never stored), e.g. defaults that depend on the cluster. */
  decorate?(object: T): void;
}

/** Handles a subresource that the generic registry does not (binding, eviction, token, log, proxy, finalize ...). */
export interface SubresourceHandler {
  /** HTTP methods served, upper case. */
  methods: string[];
  handle(context: RequestContext): Promise<ApiResponse>;
  /** Serves protocol upgrades (exec, attach, portforward, proxy). */
  upgrade?(context: RequestContext, request: UpgradeRequest): Promise<void>;
}

/** Answers a virtual kind (reviews): what is POSTed is completed and sent back (201), never stored. */
export interface VirtualHandler<T extends KubeObject = KubeObject> {
  create(context: RequestContext, object: T): Promise<T>;
}

/**
 * Reads and writes objects in process, behind authentication and admission: what strategies, authorizers and
 * admission plugins use to see cluster state. Objects returned by `get` and `list` are shared: do not edit.
 * Kinds need not be served: `RangeAllocation` (the node port bitmap) exists only in the store.
 */
export interface ObjectStore {
  get<T extends KubeObject>(kind: KindInfo, namespace: string, name: string): Promise<T | undefined>;
  list<T extends KubeObject>(kind: KindInfo, namespace?: string): Promise<T[]>;
  /** Creates as the server itself (no authorization, no admission); rejects with AlreadyExists. */
  create<T extends KubeObject>(kind: KindInfo, object: T): Promise<T>;
  /** Read-modify-write with retry on conflict; `change` returns undefined to leave the object alone. */
  update<T extends KubeObject>(
    kind: KindInfo,
    namespace: string,
    name: string,
    change: (object: T) => T | undefined,
  ): Promise<T>;
  /** Removes without grace or finalizers. Absent objects are not an error. */
  delete(
    kind: KindInfo,
    namespace: string,
    name: string,
    preconditions?: { uid?: string; resourceVersion?: string },
  ): Promise<void>;
  /** Calls back for every change from now on, in commit order, until the signal aborts. */
  watch<T extends KubeObject>(
    kind: KindInfo,
    on: (event: { type: 'put' | 'delete'; object: T; old?: T }) => void,
    signal: AbortSignal,
  ): void;
}

/** Dials addresses of the cluster network (upstream's egress selector): node agents, Pods and Services. */
export interface EgressDialer {
  dial(host: string, port: number, signal?: AbortSignal): Promise<Duplex>;
}
