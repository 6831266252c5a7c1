import { readFile } from 'node:fs/promises';
import { Errors, isStatus } from '#api';
import type { Counter, CounterSeries } from '#base';
import { type ApiRequest, type Authenticator, anonymous, type UserInfo } from '../contracts.js';
import type { Living } from '../deps.js';
import { caught, type Soon, soon } from '../soon.js';
import type { ServiceAccountTokens } from './service-account-tokens.js';
import { parseTokenFile } from './token-file.js';

const AUTHENTICATED = 'system:authenticated';
const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';
const WEBSOCKET_TOKEN = 'base64url.bearer.authorization.k8s.io.';
/** Paths that need no credentials: health and version. */
const ANONYMOUS = /^\/(?:healthz|livez|readyz)(?:\/[^?]*)?(?:\?|$)|^\/version\/?(?:\?|$)/;

const KNOWN_USERS = new Set([
  'admin',
  'client',
  'kube_proxy',
  'kubelet',
  'system:serviceaccount:kube-system:default',
]);

export interface AuthnOptions {
  /** --token-auth-file: read once, at start. */
  tokenAuthFile?: string;
}

/** What a token says of its bearer for these audiences; undefined when nobody knows the token. */
export interface TokenAuthenticator {
  authenticateToken(
    token: string,
    audiences?: string[],
  ): Soon<{ user: UserInfo; audiences: string[] } | undefined>;
}

/**
 * Who is asking: a trusted in-process caller, a client certificate, a token of the token file, a service account
 * token; anonymous for health and version only. Rejects with Unauthorized otherwise: nothing that reads or
 * changes state is reachable without credentials.
 */
export class RequestAuthenticator implements Living<Authenticator & TokenAuthenticator> {
  readonly #options: AuthnOptions;
  readonly #tokens: ServiceAccountTokens;
  readonly #attempts: Record<'success' | 'failure' | 'error', CounterSeries>;
  readonly #users: Counter;
  readonly #userSeries = new Map<string, CounterSeries>();
  /** By client certificate or cached token: the same object each time, by which authorization remembers its user. */
  readonly #known = new WeakMap<object, UserInfo>();
  #static = new Map<string, UserInfo>();

  constructor(options: AuthnOptions, tokens: ServiceAccountTokens) {
    this.#options = options;
    this.#tokens = tokens;
    const { metrics } = tokens;
    const attempts = metrics.counter('authentication_attempts', 'Counter of authenticated attempts.', [
      'result',
    ]);
    this.#attempts = {
      success: attempts.with({ result: 'success' }),
      failure: attempts.with({ result: 'failure' }),
      error: attempts.with({ result: 'error' }),
    };
    this.#users = metrics.counter(
      'authenticated_user_requests',
      'Counter of authenticated requests broken out by username.',
      ['username'],
    );
  }

  async start(): Promise<void> {
    const { tokenAuthFile } = this.#options;
    if (tokenAuthFile !== undefined) this.#static = parseTokenFile(await readFile(tokenAuthFile, 'utf8'));
  }
  async stop(): Promise<void> {}

  authenticate(request: ApiRequest): Soon<UserInfo> {
    const user = caught(
      () => this.#identify(request),
      (error) => {
        this.#attempts[isStatus(error, 'Unauthorized') ? 'failure' : 'error'].inc();
        throw error;
      },
    );
    return soon(user, (known) => {
      this.#attempts.success.inc();
      this.#countUser(compressed(known.name));
      return known;
    });
  }

  #countUser(username: string): void {
    let series = this.#userSeries.get(username);
    if (series === undefined) {
      series = this.#users.with({ username });
      this.#userSeries.set(username, series);
    }
    series.inc();
  }

  #identify(request: ApiRequest): Soon<UserInfo> {
    if (request.user !== undefined) return request.user;
    const certificate = request.clientCertificate;
    if (certificate !== undefined && certificate.commonName !== '') {
      const { commonName: name, organizations: groups, fingerprint } = certificate;
      const extra = { [CREDENTIAL_ID]: [`X509SHA256=${fingerprint}`] };
      return this.#remembered(certificate, () => ({ name, groups, extra }));
    }
    const token = bearerToken(request);
    if (token !== undefined) {
      return soon(this.authenticateToken(token), (known) => {
        if (known === undefined) throw Errors.unauthorized();
        return known.user;
      });
    }
    if (ANONYMOUS.test(request.url)) return anonymous;
    throw Errors.unauthorized();
  }

  #remembered(credential: object, make: () => UserInfo): UserInfo {
    const known = this.#known.get(credential);
    if (known !== undefined) return known;
    const user = authenticated(make());
    this.#known.set(credential, user);
    return user;
  }

  authenticateToken(
    token: string,
    audiences?: string[],
  ): Soon<{ user: UserInfo; audiences: string[] } | undefined> {
    const user = this.#static.get(token);
    const wanted = audiences ?? this.#tokens.apiAudiences;
    if (user !== undefined) {
      // Tokens without audiences of their own are meant for the API server.
      const granted = wanted.filter((audience) => this.#tokens.apiAudiences.includes(audience));
      return granted.length === 0 && wanted.length > 0
        ? undefined
        : { user: authenticated(user), audiences: granted };
    }
    return soon(this.#tokens.verify(token, wanted), (verdict) => {
      if (verdict.kind !== 'accepted') return undefined;
      return { user: this.#remembered(verdict, () => verdict.user), audiences: verdict.audiences };
    });
  }
}

/** Upstream keeps the label's values few: a handful of well-known names, the rest is `other`. */
function compressed(name: string): string {
  if (KNOWN_USERS.has(name)) return name;
  return name.includes('@') ? 'email_id' : 'other';
}

function authenticated(user: UserInfo): UserInfo {
  if (user.groups.includes(AUTHENTICATED)) return user;
  return { ...user, groups: [...user.groups, AUTHENTICATED] };
}

/** The Authorization header, or the WebSocket subprotocol that browsers use instead of it. */
function bearerToken(request: ApiRequest): string | undefined {
  const header = request.headers['authorization'];
  if (header !== undefined) {
    const match = /^bearer +(\S+) *$/i.exec(header);
    // A header that is not a bearer token is a credential that nobody knows.
    if (match === null) throw Errors.unauthorized();
    return match[1];
  }
  return websocketToken(request);
}

function websocketToken(request: ApiRequest): string | undefined {
  const offered = request.headers['sec-websocket-protocol'];
  if (offered === undefined || !offered.includes(WEBSOCKET_TOKEN)) return undefined;
  const protocols = offered.split(',').map((protocol) => protocol.trim());
  const found = protocols.find((protocol) => protocol.startsWith(WEBSOCKET_TOKEN));
  // The token must not be passed on, and must never be the protocol that the server selects.
  request.headers['sec-websocket-protocol'] = protocols
    .filter((p) => !p.startsWith(WEBSOCKET_TOKEN))
    .join(', ');
  const token = Buffer.from(found!.slice(WEBSOCKET_TOKEN.length), 'base64url').toString('utf8');
  if (token === '') throw Errors.unauthorized();
  return token;
}
