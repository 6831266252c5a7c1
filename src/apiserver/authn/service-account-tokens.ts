import { createHash, randomUUID } from 'node:crypto';
import type { core, KubeObject } from '#api';
import type { Metrics } from '#base';
import type { UserInfo } from '../contracts.js';
import type { ServerDeps } from '../deps.js';
import type { Soon } from '../soon.js';
import { BoundedCache } from './bounded-cache.js';
import { LEGACY_ISSUER, legacySubject } from './legacy-tokens.js';
import type { ServiceAccountKeys } from './service-account-keys.js';

const PREFIX = 'system:serviceaccount:';
/** Seconds a bound token outlives the deletion of its Pod or account (upstream's leeway). */
const DELETION_LEEWAY = 60;
const CACHE_SIZE = 4096;
/** Upstream caches token verdicts this long. */
const CACHE_MS = 10_000;

interface ObjectClaim {
  name: string;
  uid: string;
}

/** The private claim `kubernetes.io` of bound tokens. */
export interface KubernetesClaim {
  namespace: string;
  serviceaccount: ObjectClaim;
  pod?: ObjectClaim;
  secret?: ObjectClaim;
  node?: ObjectClaim;
  warnafter?: number;
}

export interface TokenClaims {
  iss: string;
  sub: string;
  aud: string[];
  exp: number;
  iat: number;
  nbf: number;
  jti: string;
  'kubernetes.io': KubernetesClaim;
}

export interface ServiceAccountTokenOptions {
  /** --service-account-issuer: the first signs, all verify. */
  issuers: string[];
  /** --api-audiences; the issuers when absent. */
  apiAudiences?: string[];
}

export type TokenVerdict =
  /** Not a token of ours: another authenticator may know it. */
  | { kind: 'foreign' }
  | { kind: 'refused'; why: string }
  | { kind: 'accepted'; user: UserInfo; audiences: string[] };

/** What a token is issued for. */
export interface IssueRequest {
  account: core.ServiceAccount;
  audiences: string[];
  expirationSeconds: number;
  pod?: KubeObject;
  secret?: KubeObject;
  /** The Pod's node, or the node that the token is bound to. */
  node?: ObjectClaim;
  /** Seconds after which use of the token is reported as stale. */
  warnAfterSeconds?: number;
}

function serviceAccountUsername(namespace: string, name: string): string {
  return `${PREFIX}${namespace}:${name}`;
}

function serviceAccountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

/** Issues and judges service account tokens (upstream pkg/serviceaccount: claims.go, jwt.go). */
export class ServiceAccountTokens {
  readonly keys: ServiceAccountKeys;
  readonly #issuers: string[];
  readonly #audiences: string[];
  readonly #deps: ServerDeps;
  readonly #cache: BoundedCache<TokenVerdict>;

  constructor(options: ServiceAccountTokenOptions, keys: ServiceAccountKeys, deps: ServerDeps) {
    this.keys = keys;
    this.#issuers = options.issuers;
    this.#audiences = options.apiAudiences ?? options.issuers;
    this.#deps = deps;
    this.#cache = new BoundedCache(CACHE_SIZE, deps.clock);
  }

  /** Where authentication counts. */
  get metrics(): Metrics {
    return this.#deps.metrics;
  }
  get issuer(): string {
    return this.#issuers[0] ?? '';
  }
  /** Audiences that this API server answers to. */
  get apiAudiences(): string[] {
    return this.#audiences;
  }

  issue(request: IssueRequest): { token: string; expiresAt: number } {
    const { metadata } = request.account;
    const now = Math.floor(this.#deps.clock.now() / 1000);
    const claim = (object: KubeObject | undefined): ObjectClaim | undefined =>
      object === undefined ? undefined : { name: object.metadata.name!, uid: object.metadata.uid! };
    const bound: KubernetesClaim = {
      namespace: metadata.namespace!,
      serviceaccount: { name: metadata.name!, uid: metadata.uid! },
      ...(request.pod === undefined ? {} : { pod: claim(request.pod)! }),
      ...(request.secret === undefined ? {} : { secret: claim(request.secret)! }),
      ...(request.node === undefined ? {} : { node: request.node }),
      ...(request.warnAfterSeconds === undefined ? {} : { warnafter: now + request.warnAfterSeconds }),
    };
    const claims: TokenClaims = {
      aud: request.audiences,
      exp: now + request.expirationSeconds,
      iat: now,
      iss: this.issuer,
      jti: randomUUID(),
      'kubernetes.io': bound,
      nbf: now,
      sub: serviceAccountUsername(metadata.namespace!, metadata.name!),
    };
    return { token: this.keys.sign(claims), expiresAt: claims.exp };
  }

  /** Judges a token for these audiences (the API server's own when absent). Never throws for bad tokens. */
  verify(token: string, audiences: string[] = this.#audiences): Soon<TokenVerdict> {
    const key = createHash('sha256')
      .update(`${JSON.stringify(audiences)}${token}`)
      .digest('base64');
    return this.#cache.get(key) ?? this.#verify(key, token, audiences);
  }

  async #verify(key: string, token: string, audiences: string[]): Promise<TokenVerdict> {
    const verdict = await this.#judge(token, audiences);
    if (verdict.kind === 'accepted') this.#cache.set(key, verdict, CACHE_MS);
    return verdict;
  }

  async #judge(token: string, audiences: string[]): Promise<TokenVerdict> {
    const issuer = unverifiedIssuer(token);
    if (issuer === LEGACY_ISSUER) return this.#judgeLegacy(token, audiences);
    if (issuer === undefined || !this.#issuers.includes(issuer)) return { kind: 'foreign' };
    const claims = this.keys.verify(token);
    if (claims === undefined) return refused('invalid signature');
    const bound = claims['kubernetes.io'];
    if (!isKubernetesClaim(bound)) return refused('the token has no usable kubernetes.io claim');
    if (claims['sub'] !== serviceAccountUsername(bound.namespace, bound.serviceaccount.name)) {
      return refused('the token subject does not match its kubernetes.io claim');
    }
    const time = this.#checkTimes(claims);
    if (time !== undefined) return refused(time);
    const granted = intersect(claims['aud'], audiences);
    if (granted.length === 0) {
      return refused(
        `token audiences ${JSON.stringify(claims['aud'])} is invalid for the target audiences ${JSON.stringify(audiences)}`,
      );
    }
    const missing = await this.#checkBound(bound);
    if (missing !== undefined) return refused(missing);
    return { kind: 'accepted', user: userOf(bound, claims['jti']), audiences: granted };
  }

  /** Tokens of Secrets are meant for the API server, whoever else may ask. */
  async #judgeLegacy(token: string, audiences: string[]): Promise<TokenVerdict> {
    const claims = this.keys.verify(token);
    if (claims === undefined) return refused('invalid signature');
    const granted = intersect(this.#audiences, audiences);
    if (granted.length === 0 && audiences.length > 0) return refused('the token is for the API server only');
    const subject = await legacySubject(claims, token, this.#deps);
    if (typeof subject === 'string') return refused(subject);
    const { namespace, name, uid } = subject;
    const user = {
      name: serviceAccountUsername(namespace, name),
      uid,
      groups: serviceAccountGroups(namespace),
    };
    return { kind: 'accepted', user, audiences: granted };
  }

  #checkTimes(claims: Record<string, unknown>): string | undefined {
    const now = this.#deps.clock.now() / 1000;
    const { exp, nbf } = claims;
    if (typeof exp !== 'number' || exp <= now) return 'service account token has expired';
    if (typeof nbf === 'number' && nbf > now + 1) return 'service account token is not valid yet';
    return undefined;
  }

  async #checkBound(bound: KubernetesClaim): Promise<string | undefined> {
    const { namespace } = bound;
    return (
      (await this.#checkOne('core.v1.ServiceAccount', namespace, bound.serviceaccount)) ??
      (await this.#checkOne('core.v1.Secret', namespace, bound.secret)) ??
      (await this.#checkOne('core.v1.Pod', namespace, bound.pod)) ??
      // A Pod's node is information; only tokens bound to a node alone depend on it.
      (bound.pod === undefined ? await this.#checkOne('core.v1.Node', '', bound.node) : undefined)
    );
  }

  async #checkOne(
    message: string,
    namespace: string,
    claim: ObjectClaim | undefined,
  ): Promise<string | undefined> {
    if (claim === undefined) return undefined;
    const kind = this.#deps.kind(message);
    const object = await this.#deps.store.get(kind, namespace, claim.name);
    const what = `${kind.singular} ${namespace === '' ? '' : `${namespace}/`}${claim.name}`;
    if (object === undefined) return `the bound ${what} does not exist`;
    if (object.metadata.uid !== claim.uid) return `the UID of the bound ${what} has changed`;
    const deleted = Date.parse(object.metadata.deletionTimestamp ?? '');
    if (deleted + DELETION_LEEWAY * 1000 < this.#deps.clock.now())
      return `the bound ${what} has been deleted`;
    return undefined;
  }
}

const refused = (why: string): TokenVerdict => ({ kind: 'refused', why });

/** Cheap look at the issuer, to leave tokens of other issuers to other authenticators. */
function unverifiedIssuer(token: string): string | undefined {
  const payload = token.split('.')[1];
  if (payload === undefined || payload.length > 16 * 1024) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null) return undefined;
    const issuer = (claims as Record<string, unknown>)['iss'];
    return typeof issuer === 'string' ? issuer : undefined;
  } catch {
    return undefined;
  }
}

function isObjectClaim(value: unknown): value is ObjectClaim {
  if (typeof value !== 'object' || value === null) return false;
  const { name, uid } = value as Record<string, unknown>;
  return typeof name === 'string' && name !== '' && typeof uid === 'string';
}

function isKubernetesClaim(value: unknown): value is KubernetesClaim {
  if (typeof value !== 'object' || value === null) return false;
  const claim = value as Record<string, unknown>;
  const optional = (name: string) => claim[name] === undefined || isObjectClaim(claim[name]);
  return (
    typeof claim['namespace'] === 'string' &&
    isObjectClaim(claim['serviceaccount']) &&
    optional('pod') &&
    optional('secret') &&
    optional('node')
  );
}

function intersect(claimed: unknown, wanted: string[]): string[] {
  const list = Array.isArray(claimed) ? claimed : [claimed];
  return wanted.filter((audience) => list.includes(audience));
}

function userOf(bound: KubernetesClaim, jti: unknown): UserInfo {
  const { namespace, serviceaccount, pod, node } = bound;
  const extra: Record<string, string[]> = {};
  const note = (name: string, value: string) => {
    extra[`authentication.kubernetes.io/${name}`] = [value];
  };
  if (typeof jti === 'string') note('credential-id', `JTI=${jti}`);
  if (pod !== undefined) {
    note('pod-name', pod.name);
    note('pod-uid', pod.uid);
  }
  if (node !== undefined) {
    note('node-name', node.name);
    if (node.uid !== '') note('node-uid', node.uid);
  }
  return {
    name: serviceAccountUsername(namespace, serviceaccount.name),
    uid: serviceaccount.uid,
    groups: serviceAccountGroups(namespace),
    extra,
  };
}
