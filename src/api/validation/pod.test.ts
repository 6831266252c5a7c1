import { describe, expect, it } from 'vitest';
import { container, create, edit, LABEL, pod, probe, update, withContainer } from './testing/judge.js';

describe('Pod, on create', () => {
  it.each<[string, object]>([
    ['a plain one', {}],
    [
      'probes, env, mounts and ports',
      {
        ...withContainer({
          livenessProbe: probe,
          readinessProbe: probe,
          env: [
            { name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: "metadata.labels['a']" } } },
          ],
          ports: [{ containerPort: 80, protocol: 'TCP', name: 'http' }],
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        }),
        'spec.volumes': [{ name: 'v', emptyDir: {} }],
      },
    ],
    [
      'a sidecar',
      { 'spec.initContainers': [{ ...container, name: 's', restartPolicy: 'Always', livenessProbe: probe }] },
    ],
    [
      'resources within limits',
      withContainer({ resources: { limits: { cpu: '1' }, requests: { cpu: '500m' } } }),
    ],
  ])('accepts %s', (_, changes) => {
    expect(create('core.v1.Pod', edit(pod, changes as Record<string, unknown>))).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['no containers', { 'spec.containers': [] }, 'spec.containers: Required value'],
    ['a container without image', withContainer({ image: '' }), 'spec.containers[0].image: Required value'],
    [
      'an image with blanks',
      withContainer({ image: ' i' }),
      'spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace',
    ],
    [
      'doubled container names',
      { 'spec.containers': [container, container] },
      'spec.containers[1].name: Duplicate value: "c"',
    ],
    [
      'a container name that is no label',
      withContainer({ name: 'A' }),
      `spec.containers[0].name: Invalid value: "A": ${LABEL}`,
    ],
    [
      'an unknown restart policy',
      { 'spec.restartPolicy': 'X' },
      'spec.restartPolicy: Unsupported value: "X": supported values: "Always", "OnFailure", "Never"',
    ],
    [
      'an unknown dnsPolicy',
      { 'spec.dnsPolicy': 'X' },
      'spec.dnsPolicy: Unsupported value: "X": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
    ],
    [
      'dnsPolicy None without servers',
      { 'spec.dnsPolicy': 'None' },
      'spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None',
    ],
    [
      'too many nameservers',
      { 'spec.dnsConfig': { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] } },
      'must not have more than 3 nameservers',
    ],
    [
      'a mount without volume',
      withContainer({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
      'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ],
    [
      'doubled volume names',
      {
        'spec.volumes': [
          { name: 'v', emptyDir: {} },
          { name: 'v', emptyDir: {} },
        ],
      },
      'spec.volumes[1].name: Duplicate value: "v"',
    ],
    [
      'a volume of two types',
      { 'spec.volumes': [{ name: 'v', emptyDir: {}, hostPath: { path: '/' } }] },
      'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
    ],
    [
      'a host path that climbs',
      { 'spec.volumes': [{ name: 'v', hostPath: { path: '/a/../b' } }] },
      'spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain \'..\'',
    ],
    [
      'an env name with =',
      withContainer({ env: [{ name: 'A=B' }] }),
      'spec.containers[0].env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
    ],
    [
      'an env source and value',
      withContainer({
        env: [
          {
            name: 'A',
            value: 'x',
            valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } },
          },
        ],
      }),
      'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    ],
    [
      'an unsupported env field',
      withContainer({
        env: [{ name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.phase' } } }],
      }),
      'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase"',
    ],
    [
      'a probe without handler',
      withContainer({ livenessProbe: { successThreshold: 1 } }),
      'spec.containers[0].livenessProbe: Required value: must specify a handler type',
    ],
    [
      'a liveness probe that needs two successes',
      withContainer({ livenessProbe: { ...probe, successThreshold: 2 } }),
      'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
    ],
    [
      'a negative probe period',
      withContainer({ livenessProbe: { ...probe, periodSeconds: -1 } }),
      'spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'a probe on a plain init container',
      { 'spec.initContainers': [{ ...container, name: 'i', livenessProbe: probe }] },
      'spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ],
    [
      'a doubled host port',
      withContainer({
        ports: [
          { containerPort: 1, hostPort: 9, protocol: 'TCP' },
          { containerPort: 2, hostPort: 9, protocol: 'TCP' },
        ],
      }),
      'spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//9"',
    ],
    [
      'a host network port that differs',
      {
        'spec.hostNetwork': true,
        ...withContainer({ ports: [{ containerPort: 1, hostPort: 2, protocol: 'TCP' }] }),
      },
      'spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true',
    ],
    [
      'requests above limits',
      withContainer({ resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }),
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ],
    [
      'a negative quantity',
      withContainer({ resources: { limits: { cpu: '-1' } } }),
      'spec.containers[0].resources.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
    ],
    [
      'half a device',
      withContainer({ resources: { limits: { 'a.b/c': '500m' }, requests: { 'a.b/c': '500m' } } }),
      'spec.containers[0].resources.limits[a.b/c]: Invalid value: "500m": must be an integer',
    ],
    [
      'an unknown resource',
      withContainer({ resources: { limits: { foo: '1' } } }),
      'spec.containers[0].resources.limits[foo]: Invalid value: "foo": must be a standard resource for containers',
    ],
    [
      'a name of 254 characters',
      { 'metadata.name': 'a'.repeat(254) },
      `metadata.name: Invalid value: "${'a'.repeat(254)}": must be no more than 253 bytes`,
    ],
    [
      'a hostname that is no label',
      { 'spec.hostname': 'a.b' },
      'spec.hostname: Invalid value: "a.b": must not contain dots',
    ],
    [
      'a subdomain that is no label',
      { 'spec.subdomain': 'a.b' },
      'spec.subdomain: Invalid value: "a.b": must not contain dots',
    ],
    [
      'a toleration without key',
      { 'spec.tolerations': [{ operator: 'Equal' }] },
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
    ],
    [
      'an alias that is no address',
      { 'spec.hostAliases': [{ ip: 'x' }] },
      'spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      'node affinity without terms',
      {
        'spec.affinity': {
          nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } },
        },
      },
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
    ],
    [
      'pod affinity without topology',
      { 'spec.affinity': { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{}] } } },
      'topologyKey: Required value: can not be empty',
    ],
    [
      'a spread of zero',
      {
        'spec.topologySpreadConstraints': [
          { maxSkew: 0, topologyKey: 'z', whenUnsatisfiable: 'DoNotSchedule' },
        ],
      },
      'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
    ],
    [
      'ephemeral containers',
      { 'spec.ephemeralContainers': [{ ...container, name: 'e' }] },
      'spec.ephemeralContainers: Forbidden: cannot be set on create',
    ],
    [
      'a token volume without account',
      { 'spec.volumes': [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }] },
      'spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set',
    ],
  ])('refuses %s', (_, changes, expected) => {
    expect(create('core.v1.Pod', edit(pod, changes as Record<string, unknown>)).join('\n')).toContain(
      expected,
    );
  });
});

describe('Pod, on update', () => {
  it.each<[string, object, object]>([
    ['another image', {}, withContainer({ image: 'j' })],
    ['a shorter deadline', { 'spec.activeDeadlineSeconds': 10 }, { 'spec.activeDeadlineSeconds': 5 }],
    [
      'one more toleration',
      { 'spec.tolerations': [{ key: 'a', operator: 'Exists' }] },
      {
        'spec.tolerations': [
          { key: 'a', operator: 'Exists' },
          { key: 'b', operator: 'Exists' },
        ],
      },
    ],
    ['one gate less', { 'spec.schedulingGates': [{ name: 'a/b' }] }, { 'spec.schedulingGates': [] }],
    [
      'a narrower selector of a gated pod',
      { 'spec.schedulingGates': [{ name: 'a/b' }] },
      { 'spec.schedulingGates': [{ name: 'a/b' }], 'spec.nodeSelector': { a: 'b' } },
    ],
    ['labels', {}, { 'metadata.labels': { a: 'b' } }],
  ])('accepts %s', (_, before, after) => {
    const old = edit(pod, before as Record<string, unknown>);
    expect(update('core.v1.Pod', edit(pod, after as Record<string, unknown>), old)).toEqual([]);
  });

  it.each<[string, object, object, string]>([
    [
      'another host name',
      {},
      { 'spec.hostname': 'h' },
      'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n',
    ],
    [
      'one more container',
      {},
      { 'spec.containers': [container, { ...container, name: 'd' }] },
      'spec.containers: Forbidden: pod updates may not add or remove containers',
    ],
    [
      'a longer deadline',
      { 'spec.activeDeadlineSeconds': 5 },
      { 'spec.activeDeadlineSeconds': 10 },
      'spec.activeDeadlineSeconds: Invalid value: 10: must be less than or equal to previous value',
    ],
    [
      'no deadline any more',
      { 'spec.activeDeadlineSeconds': 5 },
      {},
      'spec.activeDeadlineSeconds: Invalid value: "null": must not update from a positive integer to nil value',
    ],
    [
      'one toleration less',
      { 'spec.tolerations': [{ key: 'a', operator: 'Exists' }] },
      {},
      'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
    ],
    [
      'a new gate',
      {},
      { 'spec.schedulingGates': [{ name: 'a/b' }] },
      "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'a/b'",
    ],
  ])('refuses %s', (_, before, after, expected) => {
    const old = edit(pod, before as Record<string, unknown>);
    expect(update('core.v1.Pod', edit(pod, after as Record<string, unknown>), old).join('\n')).toContain(
      expected,
    );
  });

  it('adds ephemeral containers and never takes one away', () => {
    const debug = edit(pod, { 'spec.ephemeralContainers': [{ ...container, name: 'debug' }] });
    expect(update('core.v1.Pod', debug, pod, 'ephemeralcontainers')).toEqual([]);
    expect(update('core.v1.Pod', pod, debug, 'ephemeralcontainers')).toEqual([
      'spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be removed\n',
    ]);
  });

  it('keeps terminated containers of finished pods terminated', () => {
    const status = (state: object): object =>
      edit(pod, { 'spec.restartPolicy': 'Never', 'status.containerStatuses': [{ name: 'c', state }] });
    expect(
      update('core.v1.Pod', status({ running: {} }), status({ terminated: { exitCode: 1 } }), 'status'),
    ).toEqual([
      'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state',
    ]);
  });

  it('takes status with any spec, but not another node', () => {
    const bad = edit(pod, {
      'spec.nodeName': 'n',
      'status.podIPs': [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }],
    });
    expect(update('core.v1.Pod', bad, pod, 'status')).toEqual([
      'status.nodeName: Forbidden: may not be changed directly',
      'status.podIPs: Invalid value: [{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}]: may specify no more than one IP for each IP family',
    ]);
  });
});
