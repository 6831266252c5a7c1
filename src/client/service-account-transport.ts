import { type authentication, isAlreadyExists, isNotFound } from '#api';
import { type Clock, systemClock } from '#base';
import { type Client, TransportError } from './client.js';
import { Resources } from './resources.js';
import { readAll, type Transport, type TransportRequest, type TransportResponse } from './transport.js';

/** Seconds that a token is asked to live, and the part of its life after which a new one is asked for. */
const LIFETIME_SECONDS = 3600;
const RENEW_AT = 0.8;
/** A server whose clock is off must not be asked without end. */
const MIN_LIFE_MS = 1000;

export interface ServiceAccountOptions {
  namespace: string;
  name: string;
  /** Creates the account and requests its tokens. */
  client: Client;
  clock?: Clock;
}

/**
 * Sends requests as a service account, by tokens of TokenRequest (client-go's DynamicControllerClientBuilder): the
 * account is created if need be, a token is renewed at 80 % of its life, and once more when the server refuses it.
 * Closing it closes `inner`, not the client that requests the tokens.
 */
export class ServiceAccountTransport implements Transport {
  readonly #inner: Transport;
  readonly #options: ServiceAccountOptions;
  readonly #clock: Clock;
  #token: Promise<{ value: string; renewAt: number }> | undefined;

  constructor(inner: Transport, options: ServiceAccountOptions) {
    this.#inner = inner;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    const first = await this.#current();
    const answer = await this.#send(request, first);
    if (answer.status !== 401) return answer;
    await readAll(answer.body);
    this.#token = undefined;
    return this.#send(request, await this.#current());
  }

  close(): void {
    this.#inner.close();
  }

  #send(request: TransportRequest, token: string): Promise<TransportResponse> {
    return this.#inner.request({
      ...request,
      headers: { ...request.headers, authorization: `Bearer ${token}` },
    });
  }

  async #current(): Promise<string> {
    for (;;) {
      this.#token ??= this.#request();
      const asked = this.#token;
      const drop = () => {
        if (this.#token === asked) this.#token = undefined;
      };
      try {
        const { value, renewAt } = await asked;
        if (this.#clock.now() < renewAt) return value;
      } catch (error) {
        drop();
        throw error;
      }
      drop();
    }
  }

  async #request(): Promise<{ value: string; renewAt: number }> {
    const asked = this.#clock.now();
    const { status } = await this.#tokenRequest().catch(async (error: unknown) => {
      if (!isNotFound(error)) throw error;
      await this.#createAccount();
      return this.#tokenRequest();
    });
    if (!status?.token) throw new TransportError(`no token for service account ${this.#options.name}`);
    const life = Date.parse(status.expirationTimestamp ?? '') - asked || LIFETIME_SECONDS * 1000;
    return { value: status.token, renewAt: asked + Math.max(life * RENEW_AT, MIN_LIFE_MS) };
  }

  #tokenRequest(): Promise<authentication.TokenRequest> {
    const { client, name, namespace } = this.#options;
    return client
      .resource(Resources.serviceAccounts)
      .createSubresource<authentication.TokenRequest>(name, namespace, 'token', {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: {},
        spec: { expirationSeconds: LIFETIME_SECONDS },
      } as authentication.TokenRequest);
  }

  async #createAccount(): Promise<void> {
    const { client, name, namespace } = this.#options;
    try {
      await client.resource(Resources.serviceAccounts).create({ metadata: { name, namespace } });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
}
