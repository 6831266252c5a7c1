import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StatusError } from '#api';
import { parseRequestInfo } from './request-info.js';

describe('parseRequestInfo', () => {
  it.each([
    ['GET', '/api/v1/namespaces/ns/pods', { verb: 'list', namespace: 'ns', resource: 'pods', name: '' }],
    ['GET', '/api/v1/pods?watch=true', { verb: 'watch', namespace: '', resource: 'pods' }],
    ['GET', '/api/v1/pods?watch=0', { verb: 'list' }],
    ['GET', '/api/v1/namespaces/ns/pods/p', { verb: 'get', name: 'p' }],
    ['HEAD', '/api/v1/namespaces/ns/pods/p', { verb: 'get' }],
    ['GET', '/api/v1/namespaces/ns/pods/p/log', { verb: 'get', subresource: 'log' }],
    ['POST', '/api/v1/namespaces/ns/pods', { verb: 'create' }],
    ['PUT', '/api/v1/namespaces/ns/pods/p/status', { verb: 'update', subresource: 'status' }],
    ['PATCH', '/apis/apps/v1/namespaces/ns/deployments/d', { verb: 'patch', group: 'apps', version: 'v1' }],
    ['DELETE', '/api/v1/namespaces/ns/pods/p', { verb: 'delete' }],
    ['DELETE', '/api/v1/namespaces/ns/pods', { verb: 'deletecollection' }],
    ['GET', '/api/v1/namespaces', { verb: 'list', resource: 'namespaces', namespace: '' }],
    ['GET', '/api/v1/namespaces/ns', { verb: 'get', resource: 'namespaces', namespace: 'ns', name: 'ns' }],
    [
      'PUT',
      '/api/v1/namespaces/ns/finalize',
      { resource: 'namespaces', subresource: 'finalize', name: 'ns' },
    ],
    ['GET', '/api/v1/watch/namespaces/ns/pods', { verb: 'watch', namespace: 'ns', resource: 'pods' }],
    ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Dp', { verb: 'list', name: 'p' }],
    ['GET', '/api/v1/nodes/n/proxy/a/b', { resource: 'nodes', name: 'n', subresource: 'proxy' }],
  ])('%s %s', (method, url, expected) => {
    const info = parseRequestInfo(method, url);
    expect(info.isResourceRequest).toBe(true);
    expect(info).toMatchObject(expected);
  });

  it.each([
    '/',
    '/api',
    '/api/v1',
    '/apis',
    '/apis/apps',
    '/apis/apps/v1',
    '/healthz',
    '/metrics',
    '/apix/v1/pods',
  ])('%s is not about a resource', (url) => {
    expect(parseRequestInfo('GET', url)).toMatchObject({ isResourceRequest: false, verb: 'get', path: url });
  });

  it('notes selectors of collection requests for authorization', () => {
    const info = parseRequestInfo('GET', '/api/v1/pods?labelSelector=a%3Db&fieldSelector=spec.nodeName%3Dn');
    expect(info).toMatchObject({ labelSelector: 'a=b', fieldSelector: 'spec.nodeName=n', name: '' });
    expect(
      parseRequestInfo('GET', '/api/v1/namespaces/n/pods/p?labelSelector=a').labelSelector,
    ).toBeUndefined();
  });

  it('refuses nothing but what cannot be decoded', () => {
    fc.assert(
      fc.property(fc.constantFrom('GET', 'POST', 'PURGE', ''), fc.string(), (method, rest) => {
        try {
          expect(parseRequestInfo(method, `/api/${rest}`).path.startsWith('/api/')).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(StatusError);
          expect((error as StatusError).code).toBe(400);
        }
      }),
    );
  });
});
