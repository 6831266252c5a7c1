import {
  type authentication,
  type authorization,
  Errors,
  type FieldError,
  FieldErrors,
  type KubeObject,
} from '#api';
import type { AuthorizationAttributes, RequestContext, UserInfo, VirtualHandler } from '../contracts.js';
import type { VirtualHandlers } from '../deps.js';
import type { SubresourceDeps } from './types.js';

const AUTHENTICATION = 'authentication.k8s.io/v1';
const AUTHORIZATION = 'authorization.k8s.io/v1';

function describe(user: UserInfo): authentication.UserInfo {
  return {
    username: user.name,
    ...(user.uid === undefined || user.uid === '' ? {} : { uid: user.uid }),
    ...(user.groups.length === 0 ? {} : { groups: user.groups }),
    ...(user.extra === undefined || Object.keys(user.extra).length === 0 ? {} : { extra: user.extra }),
  };
}

/** Says whose token it is, for these audiences. */
function tokenReview({ authenticator, tokens }: SubresourceDeps): VirtualHandler {
  return {
    async create(_context, object) {
      const review = object as authentication.TokenReview;
      if ((review.spec?.token ?? '') === '') {
        throw Errors.badRequest('token is required for TokenReview in authentication');
      }
      const audiences = review.spec.audiences ?? [];
      const wanted = audiences.length === 0 ? tokens.apiAudiences : audiences;
      const known = await authenticator.authenticateToken(review.spec.token, wanted);
      const status: authentication.TokenReviewStatus =
        known === undefined
          ? { user: {}, error: '[invalid bearer token]' }
          : { authenticated: true, user: describe(known.user), audiences: known.audiences };
      return { ...review, apiVersion: AUTHENTICATION, kind: 'TokenReview', status } as KubeObject;
    },
  };
}

/** kubectl auth whoami. */
function selfSubjectReview(): VirtualHandler {
  return {
    async create(context, object) {
      const status: authentication.SelfSubjectReviewStatus = { userInfo: describe(context.user) };
      const creationTimestamp = `${new Date().toISOString().slice(0, 19)}Z`;
      const metadata = { ...object.metadata, creationTimestamp };
      return { apiVersion: AUTHENTICATION, kind: 'SelfSubjectReview', metadata, status } as KubeObject;
    },
  };
}

type Spec = authorization.SubjectAccessReviewSpec;

function checkSpec(kind: string, spec: Spec, errors: FieldError[]): void {
  const both = spec.resourceAttributes !== undefined && spec.nonResourceAttributes !== undefined;
  const neither = spec.resourceAttributes === undefined && spec.nonResourceAttributes === undefined;
  if (both || neither) {
    const field = both ? 'spec.nonResourceAttributes' : 'spec.resourceAttributes';
    const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    errors.push(
      FieldErrors.invalid(
        field,
        both ? spec.nonResourceAttributes : undefined,
        both ? 'cannot be specified in combination with resourceAttributes' : detail,
      ),
    );
  }
  if (errors.length > 0) throw Errors.invalid({ group: 'authorization.k8s.io', kind }, '', errors);
}

/** `a in (b,c),!d` of requirements, for authorizers that read selectors as text. */
function selectorText(
  selector:
    | { rawSelector?: string; requirements?: { key: string; operator: string; values?: string[] }[] }
    | undefined,
): string | undefined {
  if (selector === undefined) return undefined;
  if ((selector.rawSelector ?? '') !== '') return selector.rawSelector;
  const terms = (selector.requirements ?? []).map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    if (operator === 'In' && values.length === 1) return `${key}=${values[0]}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  });
  return terms.length === 0 ? undefined : terms.join(',');
}

function attributesOf(user: UserInfo, spec: Spec): AuthorizationAttributes {
  const resource = spec.resourceAttributes;
  const fieldSelector = selectorText(resource?.fieldSelector);
  const labelSelector = selectorText(resource?.labelSelector);
  return {
    user,
    verb: resource?.verb ?? spec.nonResourceAttributes?.verb ?? '',
    isResourceRequest: resource !== undefined,
    path: spec.nonResourceAttributes?.path ?? '',
    group: resource?.group ?? '',
    version: resource?.version ?? '',
    namespace: resource?.namespace ?? '',
    resource: resource?.resource ?? '',
    subresource: resource?.subresource ?? '',
    name: resource?.name ?? '',
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
}

async function decide(
  deps: SubresourceDeps,
  user: UserInfo,
  spec: Spec,
): Promise<authorization.SubjectAccessReviewStatus> {
  const { decision, reason } = await deps.authorizer.authorize(attributesOf(user, spec));
  return {
    allowed: decision === 'allow',
    ...(decision === 'deny' ? { denied: true } : {}),
    ...(reason === '' ? {} : { reason }),
  };
}

function userOf(spec: Spec): UserInfo {
  return {
    name: spec.user ?? '',
    groups: spec.groups ?? [],
    ...(spec.uid === undefined ? {} : { uid: spec.uid }),
    ...(spec.extra === undefined ? {} : { extra: spec.extra }),
  };
}

/** SubjectAccessReview and LocalSubjectAccessReview. */
function subjectAccessReview(deps: SubresourceDeps, kind: string): VirtualHandler {
  return {
    async create(context, object) {
      const review = object as authorization.SubjectAccessReview;
      const spec = review.spec ?? {};
      const errors: FieldError[] = [];
      if ((spec.user ?? '') === '' && (spec.groups ?? []).length === 0) {
        errors.push(
          FieldErrors.invalid(
            'spec.user',
            spec.user ?? '',
            'at least one of user or group must be specified',
          ),
        );
      }
      checkSpec(kind, spec, errors);
      if (kind === 'LocalSubjectAccessReview') checkNamespace(context, spec);
      const status = await decide(deps, userOf(spec), spec);
      return { ...review, apiVersion: AUTHORIZATION, kind, status } as KubeObject;
    },
  };
}

function checkNamespace({ info }: RequestContext, spec: Spec): void {
  const asked = spec.resourceAttributes?.namespace ?? '';
  if (asked === info.namespace) return;
  throw Errors.badRequest(`spec.resourceAttributes.namespace must match namespace: ${info.namespace}`);
}

/** kubectl auth can-i. */
function selfSubjectAccessReview(deps: SubresourceDeps): VirtualHandler {
  return {
    async create(context, object) {
      const review = object as authorization.SelfSubjectAccessReview;
      const spec = review.spec ?? {};
      checkSpec('SelfSubjectAccessReview', spec, []);
      const status = await decide(deps, context.user, spec);
      return { ...review, apiVersion: AUTHORIZATION, kind: 'SelfSubjectAccessReview', status } as KubeObject;
    },
  };
}

/** kubectl auth can-i --list. What the node authorizer would allow is not enumerable, and said so. */
function selfSubjectRulesReview(deps: SubresourceDeps): VirtualHandler {
  return {
    async create(context, object) {
      const review = object as authorization.SelfSubjectRulesReview;
      const namespace = review.spec?.namespace ?? '';
      if (namespace === '') throw Errors.badRequest('no namespace on request');
      const { rules, missing } = deps.authorizer.rulesFor(context.user, namespace);
      const isNode = context.user.groups.includes('system:nodes');
      const errors = [
        ...missing,
        ...(isNode ? ['node authorizer does not support user rule resolution'] : []),
      ];
      const status: authorization.SubjectRulesReviewStatus = {
        resourceRules: rules
          .filter((rule) => (rule.resources ?? []).length > 0)
          .map(({ verbs, apiGroups, resources, resourceNames }) => ({
            verbs,
            ...(apiGroups === undefined ? {} : { apiGroups }),
            ...(resources === undefined ? {} : { resources }),
            ...(resourceNames === undefined ? {} : { resourceNames }),
          })),
        nonResourceRules: rules
          .filter((rule) => (rule.nonResourceURLs ?? []).length > 0)
          .map(({ verbs, nonResourceURLs }) => ({
            verbs,
            ...(nonResourceURLs === undefined ? {} : { nonResourceURLs }),
          })),
        incomplete: errors.length > 0,
        ...(errors.length === 0 ? {} : { evaluationError: errors.join(', ') }),
      };
      return { ...review, apiVersion: AUTHORIZATION, kind: 'SelfSubjectRulesReview', status } as KubeObject;
    },
  };
}

export function reviewHandlers(deps: SubresourceDeps): VirtualHandlers {
  return new Map([
    ['authentication.v1.TokenReview', tokenReview(deps)],
    ['authentication.v1.SelfSubjectReview', selfSubjectReview()],
    ['authorization.v1.SubjectAccessReview', subjectAccessReview(deps, 'SubjectAccessReview')],
    ['authorization.v1.LocalSubjectAccessReview', subjectAccessReview(deps, 'LocalSubjectAccessReview')],
    ['authorization.v1.SelfSubjectAccessReview', selfSubjectAccessReview(deps)],
    ['authorization.v1.SelfSubjectRulesReview', selfSubjectRulesReview(deps)],
  ]);
}
