import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../object.js';
import { KindRegistry, kinds, message, pruneAndCheck, SchemaError } from '../schema/index.js';
import { damagedOf } from '../schema/testing/arbitrary.js';
import { applyDefaults, pullPolicyOf } from './index.js';

const registry = new KindRegistry();

/** Pruned and defaulted, as the API server stores it. */
function defaulted(group: string, kindName: string, input: object): Record<string, Record<string, unknown>> {
  const kind = registry.byKind(group, 'v1', kindName)!;
  const { object } = pruneAndCheck<KubeObject>(input, message(kind.message));
  applyDefaults(kind, object);
  return object as never;
}

describe('Service defaults', () => {
  it('makes a ClusterIP Service of the shortest one', () => {
    expect(
      defaulted('', 'Service', {
        spec: { ports: [{ port: 80 }, { port: 53, protocol: 'UDP', targetPort: 'dns' }] },
      }).spec,
    ).toEqual({
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: [
        { port: 80, protocol: 'TCP', targetPort: 80 },
        { port: 53, protocol: 'UDP', targetPort: 'dns' },
      ],
    });
  });

  it('drops the affinity configuration without affinity and gives ClientIP three hours', () => {
    const config = { clientIP: { timeoutSeconds: 5 } };
    expect(defaulted('', 'Service', { spec: { sessionAffinityConfig: config } }).spec).not.toHaveProperty(
      'sessionAffinityConfig',
    );
    expect(defaulted('', 'Service', { spec: { sessionAffinity: 'ClientIP' } }).spec).toMatchObject({
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
    });
    expect(
      defaulted('', 'Service', { spec: { sessionAffinity: 'ClientIP', sessionAffinityConfig: config } }).spec,
    ).toMatchObject({
      sessionAffinityConfig: config,
    });
  });

  it.each([
    [{ type: 'NodePort' }, 'Cluster', 'Cluster'],
    [{ type: 'ClusterIP', externalIPs: ['1.2.3.4'] }, 'Cluster', 'Cluster'],
    [{ type: 'ClusterIP' }, undefined, 'Cluster'],
    [{ type: 'ExternalName' }, undefined, undefined],
    [{ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }, 'Local', 'Cluster'],
  ])('traffic policies of %j', (spec, external, internal) => {
    const result = defaulted('', 'Service', { spec }).spec!;
    expect(result.externalTrafficPolicy).toBe(external);
    expect(result.internalTrafficPolicy).toBe(internal);
  });

  it('gives load balancers node ports and VIP mode', () => {
    const service = defaulted('', 'Service', {
      spec: { type: 'LoadBalancer' },
      status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }, { hostname: 'x' }] } },
    });
    expect(service.spec!.allocateLoadBalancerNodePorts).toBe(true);
    expect(service.status!.loadBalancer).toEqual({
      ingress: [{ ip: '1.2.3.4', ipMode: 'VIP' }, { hostname: 'x' }],
    });
  });
});

describe('Pod defaults', () => {
  const container = { name: 'c', image: 'nginx:1.27' };

  it('fills in what kube-apiserver shows of the shortest Pod', () => {
    expect(defaulted('', 'Pod', { metadata: { name: 'p' }, spec: { containers: [container] } })).toEqual({
      metadata: { name: 'p' },
      spec: {
        containers: [
          {
            ...container,
            imagePullPolicy: 'IfNotPresent',
            resources: {},
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
          },
        ],
        dnsPolicy: 'ClusterFirst',
        enableServiceLinks: true,
        restartPolicy: 'Always',
        schedulerName: 'default-scheduler',
        securityContext: {},
        terminationGracePeriodSeconds: 30,
      },
      status: {},
    });
  });

  it('takes requests from limits, host ports from container ports on the host network', () => {
    const pod = defaulted('', 'Pod', {
      spec: {
        hostNetwork: true,
        containers: [
          {
            ...container,
            ports: [{ containerPort: 80 }],
            resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '100m' } },
          },
        ],
      },
    });
    expect(pod.spec!.containers).toMatchObject([
      {
        ports: [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }],
        resources: { requests: { cpu: '100m', memory: '1Gi' } },
      },
    ]);
  });

  it('defaults probes, environment references and volumes', () => {
    const pod = defaulted('', 'Pod', {
      spec: {
        serviceAccount: 'sa',
        containers: [
          {
            ...container,
            livenessProbe: { httpGet: { port: 80 } },
            readinessProbe: { grpc: { port: 1 }, periodSeconds: 2 },
            env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
          },
        ],
        volumes: [
          { name: 'a' },
          { name: 'b', configMap: { name: 'x' } },
          { name: 'c', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } },
          { name: 'd', hostPath: { path: '/' } },
        ],
      },
    });
    expect(pod.spec).toMatchObject({
      serviceAccountName: 'sa',
      containers: [
        {
          livenessProbe: {
            httpGet: { port: 80, path: '/', scheme: 'HTTP' },
            timeoutSeconds: 1,
            periodSeconds: 10,
            successThreshold: 1,
            failureThreshold: 3,
          },
          readinessProbe: { grpc: { port: 1, service: '' }, periodSeconds: 2 },
          env: [{ valueFrom: { fieldRef: { apiVersion: 'v1' } } }],
        },
      ],
      volumes: [
        { emptyDir: {} },
        { configMap: { defaultMode: 420 } },
        { projected: { defaultMode: 420, sources: [{ serviceAccountToken: { expirationSeconds: 3600 } }] } },
        { hostPath: { type: '' } },
      ],
    });
  });

  it('keeps podIP and podIPs in step', () => {
    expect(defaulted('', 'Pod', { status: { podIP: '1.1.1.1' } }).status).toEqual({
      podIP: '1.1.1.1',
      podIPs: [{ ip: '1.1.1.1' }],
    });
    expect(defaulted('', 'Pod', { status: { podIPs: [{ ip: '2.2.2.2' }] } }).status).toMatchObject({
      podIP: '2.2.2.2',
    });
  });

  it.each([
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1', 'IfNotPresent'],
    ['host:5000/nginx', 'Always'],
    ['host:5000/nginx:1', 'IfNotPresent'],
    ['nginx@sha256:abc', 'IfNotPresent'],
    ['nginx:latest@sha256:abc', 'Always'],
    ['', 'Always'],
  ])('pulls %j %s', (image, policy) => {
    expect(pullPolicyOf(image)).toBe(policy);
  });
});

describe('workload defaults', () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x:1' }] } };

  it('fills in a Deployment without the defaults of Pods alone', () => {
    const { spec } = defaulted('apps', 'Deployment', {
      spec: { selector: { matchLabels: { a: 'b' } }, template },
    });
    expect(spec).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template: {
        spec: { dnsPolicy: 'ClusterFirst', restartPolicy: 'Always', terminationGracePeriodSeconds: 30 },
      },
    });
    expect((spec!.template as { spec: object }).spec).not.toHaveProperty('enableServiceLinks');
  });

  it('leaves replicas of zero and Recreate alone', () => {
    const { spec } = defaulted('apps', 'Deployment', {
      spec: { replicas: 0, strategy: { type: 'Recreate' }, template },
    });
    expect(spec).toMatchObject({ replicas: 0, strategy: { type: 'Recreate' } });
    expect(spec!.strategy).not.toHaveProperty('rollingUpdate');
  });

  it('fills in the other workloads', () => {
    expect(defaulted('apps', 'ReplicaSet', { spec: { template } }).spec).toMatchObject({ replicas: 1 });
    expect(defaulted('apps', 'DaemonSet', { spec: { template } }).spec).toMatchObject({
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    });
    expect(
      defaulted('apps', 'StatefulSet', { spec: { template, volumeClaimTemplates: [{}] } }).spec,
    ).toMatchObject({
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable: 1 } },
      volumeClaimTemplates: [
        { kind: 'PersistentVolumeClaim', spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } },
      ],
    });
    expect(defaulted('batch', 'Job', { spec: { template } })).toMatchObject({
      metadata: { labels: { a: 'b' } },
      spec: { completions: 1, parallelism: 1, backoffLimit: 6, completionMode: 'NonIndexed', suspend: false },
    });
    expect(
      defaulted('batch', 'CronJob', { spec: { jobTemplate: { spec: { template } } } }).spec,
    ).toMatchObject({
      concurrencyPolicy: 'Allow',
      successfulJobsHistoryLimit: 3,
      jobTemplate: { spec: { template: { spec: { restartPolicy: 'Always' } } } },
    });
    expect(defaulted('', 'ReplicationController', { spec: { template } })).toMatchObject({
      metadata: { labels: { a: 'b' } },
      spec: { replicas: 1, selector: { a: 'b' } },
    });
  });
});

describe('other defaults', () => {
  it('labels a Namespace with its name', () => {
    expect(defaulted('', 'Namespace', { metadata: { name: 'x' } })).toMatchObject({
      metadata: { labels: { 'kubernetes.io/metadata.name': 'x' } },
      status: { phase: 'Active' },
    });
  });

  it('puts the name label right when it says something else', () => {
    const labels = { 'kubernetes.io/metadata.name': 'y' };
    expect(defaulted('', 'Namespace', { metadata: { name: 'x', labels } })).toMatchObject({
      metadata: { labels: { 'kubernetes.io/metadata.name': 'x' } },
    });
  });

  it('moves stringData of a Secret into data', () => {
    expect(defaulted('', 'Secret', { data: { a: 'QQ==' }, stringData: { a: 'B', c: 'D' } })).toEqual({
      metadata: {},
      type: 'Opaque',
      data: { a: 'Qg==', c: 'RA==' },
    });
  });

  it('names and types the ports of an EndpointSlice', () => {
    expect(defaulted('discovery.k8s.io', 'EndpointSlice', { ports: [{ port: 1 }] }).ports).toEqual([
      { port: 1, name: '', protocol: 'TCP' },
    ]);
  });

  it('derives policy types of a NetworkPolicy', () => {
    expect(defaulted('networking.k8s.io', 'NetworkPolicy', { spec: {} }).spec).toEqual({
      podSelector: {},
      policyTypes: ['Ingress'],
    });
    expect(defaulted('networking.k8s.io', 'NetworkPolicy', { spec: { egress: [{}] } }).spec).toMatchObject({
      policyTypes: ['Ingress', 'Egress'],
    });
  });

  it('completes role references and subjects', () => {
    expect(
      defaulted('rbac.authorization.k8s.io', 'RoleBinding', {
        roleRef: { kind: 'Role', name: 'r' },
        subjects: [
          { kind: 'User', name: 'u' },
          { kind: 'ServiceAccount', name: 's' },
        ],
      }),
    ).toMatchObject({
      roleRef: { apiGroup: 'rbac.authorization.k8s.io' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io' }, { kind: 'ServiceAccount', name: 's' }],
    });
  });
});

describe('applyDefaults', () => {
  it('gives objects that the schema accepts unchanged, and is idempotent, whatever the input', () => {
    const input = fc
      .constantFrom(...kinds)
      .chain((kind) => damagedOf(message(kind.message)).map((raw) => ({ kind, raw })));
    fc.assert(
      fc.property(input, ({ kind, raw }) => {
        const schema = message(kind.message);
        let object: KubeObject;
        try {
          object = pruneAndCheck<KubeObject>(raw, schema).object;
        } catch (error) {
          expect(error).toBeInstanceOf(SchemaError);
          return;
        }
        applyDefaults(kind, object);
        const once = structuredClone(object);
        applyDefaults(kind, object);
        expect(object).toEqual(once);
        expect(pruneAndCheck(once, schema).object).toEqual(once);
      }),
      { numRuns: 1500 },
    );
  });
});
