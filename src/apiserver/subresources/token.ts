import { type authentication, type core, Errors, type FieldError, FieldErrors, type KubeObject } from '#api';
import type { ApiResponse, RequestContext, SubresourceHandler } from '../contracts.js';
import { admitCreate } from './admit.js';
import type { SubresourceDeps } from './types.js';

const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;
const DEFAULT_SECONDS = 3600;
/** Pods ask for just this; their tokens live on for a year for clients that never read them again. */
const EXTENDABLE_SECONDS = 3607;
const EXTENDED_SECONDS = 365 * 24 * 3600;
const BINDABLE: Record<string, string> = {
  Pod: 'core.v1.Pod',
  Secret: 'core.v1.Secret',
  Node: 'core.v1.Node',
};

type TokenRequest = authentication.TokenRequest;

interface Bound {
  pod?: core.Pod;
  secret?: core.Secret;
  node?: { name: string; uid: string };
}

/** POST serviceaccounts/NAME/token (upstream registry/core/serviceaccount/storage/token.go). */
export class TokenHandler implements SubresourceHandler {
  readonly methods = ['POST'];
  readonly #deps: SubresourceDeps;
  constructor(deps: SubresourceDeps) {
    this.#deps = deps;
  }

  async handle(context: RequestContext): Promise<ApiResponse> {
    const { info } = context;
    const request = await this.#deps.codec.read<TokenRequest>(context, 'authentication.v1.TokenRequest');
    const account = await this.#deps.store.get<core.ServiceAccount>(
      this.#deps.kind('core.v1.ServiceAccount'),
      info.namespace,
      info.name,
    );
    if (account === undefined) throw Errors.notFound({ group: '', resource: 'serviceaccounts' }, info.name);
    if (!this.#deps.tokens.keys.canSign) {
      throw Errors.serviceUnavailable('this API server has no service account signing key');
    }
    const spec = this.#checkSpec(request);
    await admitCreate(this.#deps, context, 'core.v1.ServiceAccount', request as KubeObject);
    const bound = await this.#bound(info.namespace, account, spec.boundObjectRef);
    return this.#deps.codec.write(context, 201, this.#issue(request, account, spec, bound));
  }

  #checkSpec(request: TokenRequest): Required<Omit<authentication.TokenRequestSpec, 'boundObjectRef'>> & {
    boundObjectRef?: authentication.BoundObjectReference;
  } {
    const { audiences = [], expirationSeconds = DEFAULT_SECONDS, boundObjectRef } = request.spec ?? {};
    const errors: FieldError[] = [];
    const field = 'spec.expirationSeconds';
    if (expirationSeconds < MIN_SECONDS) {
      errors.push(
        FieldErrors.invalid(field, expirationSeconds, 'may not specify a duration less than 10 minutes'),
      );
    }
    if (expirationSeconds > MAX_SECONDS) {
      errors.push(
        FieldErrors.invalid(field, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'),
      );
    }
    if (errors.length > 0)
      throw Errors.invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', errors);
    const wanted = audiences.length === 0 ? this.#deps.tokens.apiAudiences : audiences;
    return {
      audiences: wanted,
      expirationSeconds,
      ...(boundObjectRef === undefined ? {} : { boundObjectRef }),
    };
  }

  async #bound(
    namespace: string,
    account: core.ServiceAccount,
    reference: authentication.BoundObjectReference | undefined,
  ): Promise<Bound> {
    if (reference === undefined) return {};
    const message = reference.apiVersion === 'v1' ? BINDABLE[reference.kind ?? ''] : undefined;
    if (message === undefined) {
      throw Errors.badRequest(
        `cannot bind token to object of type ${reference.apiVersion}, Kind=${reference.kind}`,
      );
    }
    const kind = this.#deps.kind(message);
    const name = reference.name ?? '';
    const object = await this.#deps.store.get(kind, kind.namespaced ? namespace : '', name);
    if (object === undefined) throw Errors.notFound({ group: '', resource: kind.resource }, name);
    const uid = object.metadata.uid ?? '';
    if ((reference.uid ?? '') !== '' && reference.uid !== uid) {
      const why = `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
      throw Errors.conflict({ group: '', resource: kind.resource }, name, why);
    }
    if (kind.kind === 'Node') return { node: { name, uid } };
    if (kind.kind === 'Secret') return { secret: object as core.Secret };
    return this.#boundToPod(object as core.Pod, account);
  }

  async #boundToPod(pod: core.Pod, account: core.ServiceAccount): Promise<Bound> {
    const name = account.metadata.name ?? '';
    if (pod.spec?.serviceAccountName !== name) {
      throw Errors.badRequest(
        `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`,
      );
    }
    const nodeName = pod.spec.nodeName ?? '';
    if (nodeName === '') return { pod };
    const node = await this.#deps.store.get<core.Node>(this.#deps.kind('core.v1.Node'), '', nodeName);
    return { pod, node: { name: nodeName, uid: node?.metadata.uid ?? '' } };
  }

  #issue(
    request: TokenRequest,
    account: core.ServiceAccount,
    spec: {
      audiences: string[];
      expirationSeconds: number;
      boundObjectRef?: authentication.BoundObjectReference;
    },
    bound: Bound,
  ): KubeObject {
    const { tokens, clock } = this.#deps;
    const forServer = spec.audiences.every((audience) => tokens.apiAudiences.includes(audience));
    const extend = bound.pod !== undefined && spec.expirationSeconds === EXTENDABLE_SECONDS && forServer;
    const { token } = tokens.issue({
      account,
      audiences: spec.audiences,
      expirationSeconds: extend ? EXTENDED_SECONDS : spec.expirationSeconds,
      ...bound,
      ...(extend ? { warnAfterSeconds: spec.expirationSeconds } : {}),
    });
    const expires = new Date(clock.now() + spec.expirationSeconds * 1000).toISOString();
    const answer: TokenRequest = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {
        ...request.metadata,
        name: account.metadata.name,
        namespace: account.metadata.namespace,
        creationTimestamp: `${new Date(clock.now()).toISOString().slice(0, 19)}Z`,
      },
      spec,
      status: { token, expirationTimestamp: `${expires.slice(0, 19)}Z` },
    };
    return answer as KubeObject;
  }
}
