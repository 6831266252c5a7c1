import type { JsonObject, KubeObject } from '../../object.js';
import type { KindInfo } from '../../schema/kind-info.js';
import { kinds } from '../../schema/kinds.js';
import { validateObject, validateObjectUpdate } from '../index.js';

/** The built-in kind of this message. */
export function kindOf(message: string): KindInfo {
  return [...kinds].find((kind) => kind.message === message)!;
}

/** Puts values at dotted paths of a copy; undefined removes. */
export function edit(object: object, changes: Record<string, unknown>): JsonObject {
  const copy = structuredClone(object) as JsonObject;
  for (const [path, value] of Object.entries(changes)) {
    const steps = path.split('.');
    let at = copy;
    for (const step of steps.slice(0, -1)) {
      at[step] ??= {};
      at = at[step] as JsonObject;
    }
    if (value === undefined) delete at[steps.at(-1)!];
    else at[steps.at(-1)!] = value as JsonObject;
  }
  return copy;
}

/** Errors as clients read them. */
export const text = (errors: { field: string; message: string }[]): string[] =>
  errors.map((error) => `${error.field}: ${error.message}`);

/** What is wrong with a new object. */
export function create(message: string, object: object): string[] {
  return text(validateObject(kindOf(message), object as KubeObject));
}

/** What is wrong with a change. */
export function update(message: string, object: object, old: object, subresource?: string): string[] {
  return text(
    validateObjectUpdate(kindOf(message), object as KubeObject, old as KubeObject, { subresource }),
  );
}

/** Fixtures: valid objects, and changes that keep them valid. */
export const metadata = { name: 'x', namespace: 'default', resourceVersion: '1', uid: 'u' };
export const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
export const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

export const service = {
  metadata,
  spec: {
    type: 'ClusterIP',
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
    clusterIP: '10.0.0.1',
    clusterIPs: ['10.0.0.1'],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
  },
};
export const nodePort = { 'spec.type': 'NodePort', 'spec.externalTrafficPolicy': 'Cluster' };
export const balancer = {
  'spec.type': 'LoadBalancer',
  'spec.externalTrafficPolicy': 'Cluster',
  'spec.allocateLoadBalancerNodePorts': true,
};
export const external = {
  'spec.type': 'ExternalName',
  'spec.externalName': 'a.b.',
  'spec.clusterIP': undefined,
  'spec.clusterIPs': undefined,
  'spec.ipFamilies': undefined,
  'spec.ipFamilyPolicy': undefined,
};
export const ports = (...list: object[]): object => ({ 'spec.ports': list });
export const endpoints = {
  metadata,
  subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80, protocol: 'TCP' }] }],
};
export const slice = {
  metadata,
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.0.0.1'] }],
  ports: [{ name: '', port: 80, protocol: 'TCP' }],
};

export const container = {
  name: 'c',
  image: 'i',
  terminationMessagePolicy: 'File',
  imagePullPolicy: 'Always',
};
export const podSpec = {
  containers: [container],
  restartPolicy: 'Always',
  dnsPolicy: 'ClusterFirst',
  terminationGracePeriodSeconds: 30,
};
export const pod = { metadata, spec: podSpec };
export const probe = { httpGet: { path: '/', port: 80, scheme: 'HTTP' }, successThreshold: 1 };
export const withContainer = (changes: object): object => ({
  'spec.containers': [{ ...container, ...changes }],
});

export const template = { metadata: { labels: { app: 'x' } }, spec: podSpec };
export const deployment = {
  metadata,
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'x' } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    template,
  },
};
