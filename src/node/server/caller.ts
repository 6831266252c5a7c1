import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { ServerCaller } from '../options.js';

const asList = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

/** Who calls, by a client certificate that the configured authority has signed; undefined otherwise. */
export function callerOf(request: IncomingMessage): ServerCaller | undefined {
  const socket = request.socket as TLSSocket;
  if (socket.authorized !== true) return undefined;
  const { subject } = socket.getPeerCertificate();
  if (subject === undefined) return undefined;
  return {
    commonName: asList(subject.CN)[0] ?? '',
    organizations: asList(subject.O as string | string[] | undefined),
  };
}

/** The default decision: cluster administrators and the API server's own client certificates. */
export function defaultAuthorize({ commonName, organizations }: ServerCaller): boolean {
  return (
    organizations.some((group) => ['system:masters', 'kubeadm:cluster-admins'].includes(group)) ||
    ['kube-apiserver-kubelet-client', 'kube-apiserver', 'system:apiserver'].includes(commonName)
  );
}

const SUBRESOURCES: [prefix: string, subresource: string][] = [
  ['/stats', 'stats'],
  ['/metrics', 'metrics'],
  ['/logs', 'log'],
  ['/healthz', 'healthz'],
  ['/pods', 'pods'],
  ['/runningpods', 'pods'],
];

/** The attributes by which upstream authorises a path (kubelet/server/auth.go). */
export function accessOf(request: IncomingMessage): { verb: string; subresource: string } {
  const verbs: Record<string, string> = {
    GET: 'get',
    POST: 'create',
    PUT: 'update',
    PATCH: 'patch',
    DELETE: 'delete',
  };
  const path = request.url ?? '/';
  const found = SUBRESOURCES.find(([prefix]) => path.startsWith(prefix));
  return { verb: verbs[request.method ?? 'GET'] ?? 'get', subresource: found?.[1] ?? 'proxy' };
}
