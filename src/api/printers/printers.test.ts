import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../object.js';
import type { KindInfo } from '../schema/kind-info.js';
import { kinds } from '../schema/kinds.js';
import { humanDuration, tableColumns, tableFor } from './index.js';

const NOW = Date.parse('2024-01-10T00:00:00Z');
const metadata = { name: 'x', namespace: 'default', creationTimestamp: '2024-01-09T23:55:00Z' };
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function kindOf(message: string): KindInfo {
  return [...kinds].find((kind) => kind.message === message)!;
}

/** Cells by column name. */
function row(message: string, object: object): Record<string, unknown> {
  const kind = kindOf(message);
  const { cells } = tableFor(kind, object as KubeObject, { now: NOW }).rows[0]!;
  return Object.fromEntries(tableColumns(kind).map((column, i) => [column.name, cells[i]]));
}

describe('durations', () => {
  it.each([
    [-2 * SECOND, '<invalid>'],
    [-SECOND, '0s'],
    [119 * SECOND, '119s'],
    [2 * MINUTE, '2m'],
    [5 * MINUTE + 30 * SECOND, '5m30s'],
    [179 * MINUTE, '179m'],
    [3 * HOUR, '3h'],
    [7 * HOUR + 59 * MINUTE, '7h59m'],
    [47 * HOUR, '47h'],
    [2 * DAY + 4 * HOUR, '2d4h'],
    [7 * DAY, '7d'],
    [729 * DAY, '729d'],
    [730 * DAY, '2y'],
    [3 * 365 * DAY + 5 * DAY, '3y5d'],
    [9 * 365 * DAY, '9y'],
  ])('%d ms read %s', (milliseconds, text) => {
    expect(humanDuration(milliseconds)).toBe(text);
  });
});

const running = { name: 'c', ready: true, restartCount: 0, state: { running: {} } };
const waiting = (reason: string): object => ({
  name: 'c',
  ready: false,
  restartCount: 0,
  state: { waiting: { reason } },
});
const ended = (exitCode: number, more: object = {}): object => ({
  name: 'c',
  ready: false,
  restartCount: 0,
  state: { terminated: { exitCode, ...more } },
});
const ready = [
  { type: 'Ready', status: 'True' },
  { type: 'Initialized', status: 'True' },
];

function pod(status: object, spec: object = {}, meta: object = {}): object {
  return { metadata: { ...metadata, ...meta }, spec: { containers: [{ name: 'c' }], ...spec }, status };
}

describe('pods', () => {
  const init = (statuses: object[]): object =>
    pod(
      { phase: 'Pending', initContainerStatuses: statuses },
      { initContainers: [{ name: 'c' }, { name: 'd' }] },
    );
  it.each<[string, object]>([
    ['Pending', pod({ phase: 'Pending' })],
    ['Running', pod({ phase: 'Running', containerStatuses: [running], conditions: ready })],
    ['ContainerCreating', pod({ phase: 'Pending', containerStatuses: [waiting('ContainerCreating')] })],
    ['CrashLoopBackOff', pod({ phase: 'Running', containerStatuses: [waiting('CrashLoopBackOff')] })],
    ['ErrImagePull', pod({ phase: 'Pending', containerStatuses: [waiting('ErrImagePull')] })],
    ['Completed', pod({ phase: 'Succeeded', containerStatuses: [ended(0, { reason: 'Completed' })] })],
    ['Error', pod({ phase: 'Failed', containerStatuses: [ended(1, { reason: 'Error' })] })],
    ['ExitCode:3', pod({ phase: 'Failed', containerStatuses: [ended(3)] })],
    ['Signal:9', pod({ phase: 'Failed', containerStatuses: [ended(137, { signal: 9 })] })],
    ['Evicted', pod({ phase: 'Failed', reason: 'Evicted' })],
    [
      'SchedulingGated',
      pod({
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }],
      }),
    ],
    ['Terminating', pod({ phase: 'Running', containerStatuses: [running] }, {}, { deletionTimestamp: 't' })],
    ['Unknown', pod({ phase: 'Running', reason: 'NodeLost' }, {}, { deletionTimestamp: 't' })],
    [
      'Completed',
      pod(
        { phase: 'Succeeded', containerStatuses: [ended(0, { reason: 'Completed' })] },
        {},
        { deletionTimestamp: 't' },
      ),
    ],
    ['Init:0/2', init([{ name: 'c', restartCount: 0, state: { running: {} } }])],
    ['Init:1/2', init([ended(0), { name: 'd', restartCount: 0, state: {} }])],
    ['Init:CrashLoopBackOff', init([waiting('CrashLoopBackOff')])],
    ['Init:Error', init([ended(1, { reason: 'Error' })])],
    ['Init:ExitCode:2', init([ended(2)])],
    ['Init:Signal:15', init([ended(1, { signal: 15 })])],
    [
      'NotReady',
      pod(
        { phase: 'Running', containerStatuses: [ended(0, { reason: 'Completed' }), running] },
        { containers: [{ name: 'a' }, { name: 'b' }] },
      ),
    ],
    [
      'Running',
      pod(
        {
          phase: 'Running',
          conditions: ready,
          containerStatuses: [ended(0, { reason: 'Completed' }), running],
        },
        { containers: [{ name: 'a' }, { name: 'b' }] },
      ),
    ],
  ])('read %s', (reason, object) => {
    expect(row('core.v1.Pod', object)['Status']).toBe(reason);
  });

  it('show readiness, restarts and where they run', () => {
    const restarted = {
      ...running,
      restartCount: 3,
      lastState: { terminated: { exitCode: 1, finishedAt: '2024-01-09T23:50:00Z' } },
    };
    const object = pod(
      { phase: 'Running', conditions: ready, containerStatuses: [restarted], podIPs: [{ ip: '10.0.0.1' }] },
      { nodeName: 'n1', readinessGates: [{ conditionType: 'Ready' }, { conditionType: 'other' }] },
    );
    expect(row('core.v1.Pod', object)).toEqual({
      Name: 'x',
      Ready: '1/1',
      Status: 'Running',
      Restarts: '3 (10m ago)',
      Age: '5m',
      IP: '10.0.0.1',
      Node: 'n1',
      'Nominated Node': '<none>',
      'Readiness Gates': '1/2',
    });
  });

  it('count sidecars among the containers', () => {
    const sidecar = { name: 's', restartCount: 2, started: true, ready: true, state: { running: {} } };
    const object = pod(
      { phase: 'Running', conditions: ready, containerStatuses: [running], initContainerStatuses: [sidecar] },
      { initContainers: [{ name: 's', restartPolicy: 'Always' }] },
    );
    expect(row('core.v1.Pod', object)).toMatchObject({ Ready: '2/2', Restarts: '2', Status: 'Running' });
  });
});

describe('services and endpoints', () => {
  const service = (spec: object, status: object = {}): Record<string, unknown> =>
    row('core.v1.Service', { metadata, spec: { ports: [{ port: 80, protocol: 'TCP' }], ...spec }, status });

  it.each<[string, object, object, object]>([
    [
      'ClusterIP',
      { type: 'ClusterIP', clusterIPs: ['10.0.0.1'], selector: { b: '1', a: '2' } },
      {},
      { 'Cluster-IP': '10.0.0.1', 'External-IP': '<none>', 'Port(s)': '80/TCP', Selector: 'a=2,b=1' },
    ],
    [
      'headless',
      { type: 'ClusterIP', clusterIPs: ['None'], ports: [] },
      {},
      { 'Cluster-IP': 'None', 'Port(s)': '<none>', Selector: '<none>' },
    ],
    [
      'NodePort',
      {
        type: 'NodePort',
        ports: [
          { port: 80, nodePort: 30080, protocol: 'TCP' },
          { port: 53, protocol: 'UDP' },
        ],
      },
      {},
      { 'Port(s)': '80:30080/TCP,53/UDP' },
    ],
    [
      'ExternalName',
      { type: 'ExternalName', externalName: 'a.b', ports: [] },
      {},
      { 'Cluster-IP': '<none>', 'External-IP': 'a.b' },
    ],
    ['LoadBalancer without address', { type: 'LoadBalancer' }, {}, { 'External-IP': '<pending>' }],
    [
      'LoadBalancer',
      { type: 'LoadBalancer', externalIPs: ['9.9.9.9'] },
      { loadBalancer: { ingress: [{ ip: '2.2.2.2' }, { hostname: 'h' }, { ip: '1.1.1.1' }] } },
      { 'External-IP': '1.1.1.1,2.2.2.2,h,9.9.9.9' },
    ],
  ])('%s', (_, spec, status, expected) => {
    expect(service(spec, status)).toMatchObject(expected);
  });

  it.each<[string, object | undefined]>([
    ['<none>', undefined],
    ['10.0.0.1:80', [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }]],
    ['10.0.0.1', [{ addresses: [{ ip: '10.0.0.1' }] }]],
    ['[fd00::1]:80', [{ addresses: [{ ip: 'fd00::1' }], ports: [{ port: 80 }] }]],
    [
      '1.1.1.1:80,1.1.1.2:80,1.1.1.1:81 + 1 more...',
      [{ addresses: [{ ip: '1.1.1.1' }, { ip: '1.1.1.2' }], ports: [{ port: 80 }, { port: 81 }] }],
    ],
  ])('Endpoints read %s', (text, subsets) => {
    expect(row('core.v1.Endpoints', { metadata, subsets })['Endpoints']).toBe(text);
  });

  it('EndpointSlices list ports and addresses', () => {
    const slice = {
      metadata,
      addressType: 'IPv4',
      ports: [{ port: 80 }, { name: 'any' }],
      endpoints: [
        { addresses: ['1.1.1.1', '1.1.1.2'] },
        { addresses: ['1.1.1.3'] },
        { addresses: ['1.1.1.4'] },
      ],
    };
    expect(row('discovery.v1.EndpointSlice', slice)).toMatchObject({
      AddressType: 'IPv4',
      Ports: '80,any',
      Endpoints: '1.1.1.1,1.1.1.2,1.1.1.3 + 1 more...',
    });
    expect(row('discovery.v1.EndpointSlice', { metadata, addressType: 'IPv4' })).toMatchObject({
      Ports: '<unset>',
      Endpoints: '<unset>',
    });
  });
});

const template = {
  spec: {
    containers: [
      { name: 'a', image: 'i1' },
      { name: 'b', image: 'i2' },
    ],
    nodeSelector: { n: '1' },
  },
};
const selector = {
  matchLabels: { app: 'x' },
  matchExpressions: [
    { key: 'env', operator: 'In', values: ['b', 'a'] },
    { key: 'z', operator: 'DoesNotExist' },
  ],
};

describe('other kinds', () => {
  it.each<[string, object, object]>([
    [
      'apps.v1.Deployment',
      {
        spec: { replicas: 3, template, selector },
        status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1 },
      },
      {
        Ready: '2/3',
        'Up-to-date': 3,
        Available: 1,
        Containers: 'a,b',
        Images: 'i1,i2',
        Selector: 'app=x,env in (a,b),!z',
      },
    ],
    [
      'apps.v1.ReplicaSet',
      { spec: { replicas: 3, template, selector: {} }, status: { replicas: 2, readyReplicas: 1 } },
      { Desired: 3, Current: 2, Ready: 1, Selector: '<none>' },
    ],
    [
      'apps.v1.DaemonSet',
      { spec: { template, selector }, status: { desiredNumberScheduled: 2, numberReady: 1 } },
      { Desired: 2, Current: 0, Ready: 1, 'Node Selector': 'n=1' },
    ],
    [
      'apps.v1.StatefulSet',
      { spec: { replicas: 2, template }, status: { readyReplicas: 1 } },
      { Ready: '1/2' },
    ],
    [
      'core.v1.ReplicationController',
      { spec: { replicas: 2, selector: { a: 'b' } } },
      { Desired: 2, Current: 0, Selector: 'a=b' },
    ],
    [
      'batch.v1.Job',
      { spec: { completions: 3 }, status: { succeeded: 1, startTime: '2024-01-09T23:59:00Z' } },
      { Status: 'Running', Completions: '1/3', Duration: '60s' },
    ],
    [
      'batch.v1.Job',
      {
        spec: { parallelism: 4 },
        status: {
          conditions: [{ type: 'Complete', status: 'True' }],
          startTime: '2024-01-09T23:00:00Z',
          completionTime: '2024-01-09T23:00:05Z',
        },
      },
      { Status: 'Complete', Completions: '0/1 of 4', Duration: '5s' },
    ],
    [
      'batch.v1.CronJob',
      {
        spec: { schedule: '* * * * *', suspend: false },
        status: { active: [{}], lastScheduleTime: '2024-01-09T23:59:00Z' },
      },
      { Schedule: '* * * * *', Timezone: '<none>', Suspend: 'False', Active: 1, 'Last Schedule': '60s' },
    ],
    [
      'core.v1.Node',
      {
        metadata: {
          ...metadata,
          labels: { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'edge' },
        },
        spec: { unschedulable: true },
        status: {
          conditions: [{ type: 'Ready', status: 'True' }],
          addresses: [{ type: 'InternalIP', address: '1.1.1.1' }],
          nodeInfo: { kubeletVersion: 'v1', osImage: '' },
        },
      },
      {
        Status: 'Ready,SchedulingDisabled',
        Roles: 'edge,worker',
        Version: 'v1',
        'Internal-IP': '1.1.1.1',
        'External-IP': '<none>',
        'OS-Image': '<unknown>',
      },
    ],
    ['core.v1.Node', {}, { Status: 'Unknown', Roles: '<none>' }],
    ['core.v1.Namespace', { status: { phase: 'Active' } }, { Status: 'Active', Age: '5m' }],
    ['core.v1.ConfigMap', { data: { a: '' }, binaryData: { b: '' } }, { Data: 2 }],
    ['core.v1.Secret', { type: 'Opaque', data: { a: '' } }, { Type: 'Opaque', Data: 1 }],
    ['core.v1.ServiceAccount', {}, { Secrets: 0 }],
    ['coordination.v1.Lease', { spec: { holderIdentity: 'me' } }, { Holder: 'me' }],
    [
      'core.v1.Event',
      {
        type: 'Normal',
        reason: 'R',
        message: ' m\n',
        involvedObject: { kind: 'Pod', name: 'p', fieldPath: 'f' },
        source: { component: 'kubelet', host: 'n' },
        firstTimestamp: '2024-01-09T23:00:00Z',
        lastTimestamp: '2024-01-09T23:59:30Z',
      },
      {
        'Last Seen': '30s',
        'First Seen': '60m',
        Object: 'pod/p',
        Subobject: 'f',
        Source: 'kubelet, n',
        Message: 'm',
        Count: 1,
      },
    ],
    [
      'events.v1.Event',
      {
        note: 'm',
        regarding: { kind: 'Pod', name: 'p' },
        eventTime: '2024-01-09T23:59:00.000000Z',
        reportingController: 'k',
        series: { count: 7, lastObservedTime: '2024-01-09T23:59:50.000000Z' },
      },
      { 'Last Seen': '10s', 'First Seen': '60s', Count: 7, Source: 'k' },
    ],
    [
      'networking.v1.Ingress',
      {
        spec: { ingressClassName: 'nginx', rules: [{ host: 'a' }, { host: 'b' }], tls: [{}] },
        status: { loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } },
      },
      { Class: 'nginx', Hosts: 'a,b', Address: '1.1.1.1', Ports: '80, 443' },
    ],
    ['networking.v1.Ingress', {}, { Class: '<none>', Hosts: '*', Address: '', Ports: '80' }],
    [
      'networking.v1.IngressClass',
      { spec: { controller: 'a/b', parameters: { apiGroup: 'g', kind: 'K', name: 'n' } } },
      { Controller: 'a/b', Parameters: 'K.g/n' },
    ],
    ['networking.v1.NetworkPolicy', { spec: { podSelector: {} } }, { 'Pod-Selector': '<none>' }],
    [
      'networking.v1.ServiceCIDR',
      { spec: { cidrs: ['10.0.0.0/24', 'fd00::/112'] } },
      { CIDRs: '10.0.0.0/24,fd00::/112' },
    ],
    [
      'networking.v1.IPAddress',
      { spec: { parentRef: { resource: 'services', namespace: 'default', name: 'kubernetes' } } },
      { ParentRef: 'services/default/kubernetes' },
    ],
    [
      'policy.v1.PodDisruptionBudget',
      { spec: { minAvailable: '50%' } },
      { 'Min Available': '50%', 'Max Unavailable': 'N/A', 'Allowed Disruptions': 0 },
    ],
    [
      'rbac.v1.ClusterRoleBinding',
      {
        roleRef: { kind: 'ClusterRole', name: 'r' },
        subjects: [
          { kind: 'User', name: 'u' },
          { kind: 'ServiceAccount', namespace: 'n', name: 's' },
        ],
      },
      { Role: 'ClusterRole/r', Users: 'u', Groups: '', ServiceAccounts: 'n/s' },
    ],
    ['rbac.v1.Role', {}, { 'Created At': '2024-01-09T23:55:00Z' }],
    [
      'scheduling.v1.PriorityClass',
      { value: 5, preemptionPolicy: 'Never' },
      { Value: 5, 'Global-Default': false, PreemptionPolicy: 'Never' },
    ],
    [
      'core.v1.ResourceQuota',
      { status: { hard: { pods: '5', 'limits.cpu': '2' }, used: { pods: '1' } } },
      { Request: 'pods: 1/5', Limit: 'limits.cpu: 0/2' },
    ],
    [
      'apps.v1.ControllerRevision',
      {
        revision: 2,
        metadata: {
          ...metadata,
          ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', controller: true }],
        },
      },
      { Controller: 'daemonset.apps/d', Revision: 2 },
    ],
  ])('%s', (message, object, expected) => {
    expect(row(message, { metadata, ...object })).toMatchObject(expected);
  });

  it('print without an exception when all but metadata is missing, one cell per column', () => {
    for (const kind of kinds) {
      const table = tableFor(kind, { metadata }, { now: NOW });
      expect(table.rows[0]!.cells.length, kind.message).toBe(table.columnDefinitions.length);
    }
  });
});

describe('tables', () => {
  const kind = kindOf('core.v1.ConfigMap');
  const map = { metadata: { ...metadata, resourceVersion: '7' }, data: { a: 'b' } };

  it('carry metadata only, unless all or nothing is asked for', () => {
    const objectOf = (includeObject?: 'None' | 'Object' | 'Metadata'): unknown =>
      tableFor(kind, map, { now: NOW, ...(includeObject === undefined ? {} : { includeObject }) }).rows[0]!
        .object;
    expect(objectOf()).toEqual({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: map.metadata,
    });
    expect(objectOf('None')).toBeNull();
    expect(objectOf('Object')).toEqual({ ...map, kind: 'ConfigMap', apiVersion: 'v1' });
  });

  it("take over a list's metadata, and an object's version", () => {
    const list = { metadata: { resourceVersion: '9', continue: 'c', remainingItemCount: 3 }, items: [map] };
    expect(tableFor(kind, list, { now: NOW }).metadata).toEqual(list.metadata);
    expect(tableFor(kind, map, { now: NOW }).metadata).toEqual({ resourceVersion: '7' });
  });

  it('leave the columns out of later watch events', () => {
    expect(tableFor(kind, map, { now: NOW, columns: false }).columnDefinitions).toEqual([]);
  });

  it('mark wide columns with priority 1 and names with their format', () => {
    const columns = tableColumns(kindOf('core.v1.Pod'));
    expect(columns.filter((column) => column.priority === 1).map((column) => column.name)).toEqual([
      'IP',
      'Node',
      'Nominated Node',
      'Readiness Gates',
    ]);
    expect(columns[0]).toMatchObject({ name: 'Name', type: 'string', format: 'name', priority: 0 });
  });

  it('show name and creation of kinds without columns of their own', () => {
    const made = { ...kind, message: 'example.com.v1.Thing' };
    const table = tableFor(made, map, { now: NOW });
    expect(table.columnDefinitions.map((column) => [column.name, column.type])).toEqual([
      ['Name', 'string'],
      ['Created At', 'date'],
    ]);
    expect(table.rows[0]!.cells).toEqual(['x', metadata.creationTimestamp]);
  });
});
