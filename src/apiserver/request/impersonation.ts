import { Errors } from '#api';
import type { ApiRequest, AuthorizationAttributes, Authorizer, UserInfo } from '../contracts.js';
import type { Soon } from '../soon.js';

const PREFIX = 'impersonate-';
const EXTRA_PREFIX = `${PREFIX}extra-`;

/**
 * Applies `Impersonate-User`, `-Uid`, `-Group` and `-Extra-*` headers (kubectl --as): every attribute asked for
 * must be allowed by the verb `impersonate` for the real user. Returns the user unchanged without headers.
 * Throws Forbidden or BadRequest. Source: apiserver/pkg/endpoints/filters/impersonation.
 */
export function impersonate(request: ApiRequest, user: UserInfo, authorizer: Authorizer): Soon<UserInfo> {
  for (const name in request.headers) {
    if (name.startsWith(PREFIX)) return impersonated(request, user, authorizer);
  }
  return user;
}

async function impersonated(request: ApiRequest, user: UserInfo, authorizer: Authorizer): Promise<UserInfo> {
  const name = request.headers['impersonate-user'];
  const groups = split(request.headers['impersonate-group']);
  const uid = request.headers['impersonate-uid'];
  const extra = readExtra(request.headers);
  if (name === undefined || name === '') {
    if (groups.length > 0 || uid !== undefined || Object.keys(extra).length > 0) {
      throw Errors.badRequest('requested impersonation without impersonating a user');
    }
    return user;
  }
  const allow = (resource: string, target: string, subresource = '') =>
    check(authorizer, user, resource, target, subresource);
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  if (account !== null) await allow('serviceaccounts', account[2]!, account[1]!);
  else await allow('users', name);
  for (const group of groups) await allow('groups', group);
  if (uid !== undefined) await allow('uids', uid);
  for (const [key, values] of Object.entries(extra)) {
    for (const value of values) await allow('userextras', value, key);
  }
  return {
    name,
    ...(uid === undefined ? {} : { uid }),
    groups: impliedGroups(name, groups, account?.[1]),
    extra,
  };
}

function impliedGroups(name: string, groups: string[], namespace: string | undefined): string[] {
  if (name === 'system:anonymous') return [...groups, 'system:unauthenticated'];
  const service =
    namespace === undefined || groups.length > 0
      ? []
      : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  return [...new Set([...groups, ...service, 'system:authenticated'])];
}

function split(header: string | undefined): string[] {
  return header === undefined
    ? []
    : header
        .split(',')
        .map((g) => g.trim())
        .filter((g) => g !== '');
}

function readExtra(headers: ApiRequest['headers']): Record<string, string[]> {
  const extra: Record<string, string[]> = {};
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(EXTRA_PREFIX) || value === undefined) continue;
    try {
      extra[decodeURIComponent(header.slice(EXTRA_PREFIX.length))] = split(value);
    } catch {
      throw Errors.badRequest(`the header ${header} is not valid percent-encoding`);
    }
  }
  return extra;
}

async function check(
  authorizer: Authorizer,
  user: UserInfo,
  resource: string,
  target: string,
  qualifier: string,
): Promise<void> {
  const authentication = resource === 'uids' || resource === 'userextras';
  const attributes: AuthorizationAttributes = {
    user,
    verb: 'impersonate',
    isResourceRequest: true,
    path: '',
    group: authentication ? 'authentication.k8s.io' : '',
    version: authentication ? 'v1' : '',
    namespace: resource === 'serviceaccounts' ? qualifier : '',
    resource,
    subresource: resource === 'userextras' ? qualifier : '',
    name: target,
  };
  const decision = await authorizer.authorize(attributes);
  if (decision.decision !== 'allow') throw forbidden(attributes, decision.reason);
}

/** The Forbidden answer with upstream's words (apiserver/pkg/endpoints/handlers/responsewriters/errors.go). */
export function forbidden(attributes: AuthorizationAttributes, reason: string): Error {
  const who = JSON.stringify(attributes.user.name);
  const because = reason === '' ? '' : `: ${reason}`;
  if (!attributes.isResourceRequest) {
    return Errors.forbidden(
      { group: '', resource: '' },
      '',
      `User ${who} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}${because}`,
    );
  }
  const resource =
    attributes.subresource === '' ? attributes.resource : `${attributes.resource}/${attributes.subresource}`;
  const scope =
    attributes.namespace === ''
      ? ' at the cluster scope'
      : ` in the namespace ${JSON.stringify(attributes.namespace)}`;
  return Errors.forbidden(
    { group: attributes.group, resource: attributes.resource },
    attributes.name,
    `User ${who} cannot ${attributes.verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(
      attributes.group,
    )}${scope}${because}`,
  );
}
