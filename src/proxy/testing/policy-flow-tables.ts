import { TestCluster } from './cluster.js';
import { type FlowTable, table } from './flow-table.js';
import { EXTERNAL_CLIENT, NODE_IP } from './flows.js';
import { makeService, makeSlice, NODE_NAME, OTHER_NODE } from './objects.js';

/** What traffic policies and terminating endpoints lead to. */
export const policyFlowTables: FlowTable[] = [];

function add(...args: Parameters<typeof table>): void {
  policyFlowTables.push(table(...args));
}

const POD = '10.0.0.2';
const NODE_PORT = 3001;

const externalSpec = {
  type: 'LoadBalancer',
  externalIPs: ['192.168.99.11'],
  ports: [{ name: 'p80', port: 80, nodePort: NODE_PORT }],
};
const BOTH = '10.180.0.1:80, 10.180.2.1:80';
add(
  'externalTrafficPolicy Local',
  new TestCluster().add(
    makeService('etp', '172.30.0.41', { ...externalSpec, externalTrafficPolicy: 'Local' }, ['1.2.3.4']),
    makeSlice('etp', [
      { ip: '10.180.0.1', node: NODE_NAME },
      { ip: '10.180.2.1', node: OTHER_NODE },
    ]),
  ),
  [
    { name: 'pod to cluster IP', source: POD, destination: '172.30.0.41', port: 80, output: BOTH },
    {
      name: 'pod to external IP',
      source: POD,
      destination: '192.168.99.11',
      port: 80,
      output: BOTH,
      ipvs: { output: '10.180.0.1:80' },
    },
    {
      name: 'external to external IP',
      source: EXTERNAL_CLIENT,
      destination: '192.168.99.11',
      port: 80,
      output: '10.180.0.1:80',
    },
    {
      name: 'pod to load balancer IP',
      source: POD,
      destination: '1.2.3.4',
      port: 80,
      output: BOTH,
      ipvs: { output: '10.180.0.1:80' },
    },
    {
      name: 'external to load balancer IP',
      source: EXTERNAL_CLIENT,
      destination: '1.2.3.4',
      port: 80,
      output: '10.180.0.1:80',
    },
    {
      name: 'node to load balancer IP',
      source: NODE_IP,
      destination: '1.2.3.4',
      port: 80,
      output: BOTH,
      masq: true,
      ipvs: { output: '10.180.0.1:80' },
    },
    {
      name: 'pod to NodePort',
      source: POD,
      destination: NODE_IP,
      port: NODE_PORT,
      output: BOTH,
      ipvs: { output: '10.180.0.1:80' },
    },
    {
      name: 'external to NodePort',
      source: EXTERNAL_CLIENT,
      destination: NODE_IP,
      port: NODE_PORT,
      output: '10.180.0.1:80',
    },
  ],
);
add(
  'externalTrafficPolicy Local without local endpoints',
  new TestCluster().add(
    makeService('etp', '172.30.0.41', { ...externalSpec, externalTrafficPolicy: 'Local' }, ['1.2.3.4']),
    makeSlice('etp', [{ ip: '10.180.2.1', node: OTHER_NODE }]),
  ),
  [
    {
      name: 'external to external IP',
      source: EXTERNAL_CLIENT,
      destination: '192.168.99.11',
      port: 80,
      output: 'DROP',
      ipvs: { output: '10.180.2.1:80' },
    },
    {
      name: 'external to load balancer IP',
      source: EXTERNAL_CLIENT,
      destination: '1.2.3.4',
      port: 80,
      output: 'DROP',
      ipvs: { output: '10.180.2.1:80' },
    },
    {
      name: 'external to NodePort',
      source: EXTERNAL_CLIENT,
      destination: NODE_IP,
      port: NODE_PORT,
      output: 'DROP',
      ipvs: { output: '10.180.2.1:80' },
    },
    {
      name: 'pod to load balancer IP',
      source: POD,
      destination: '1.2.3.4',
      port: 80,
      output: '10.180.2.1:80',
    },
    {
      name: 'node to NodePort',
      source: NODE_IP,
      destination: NODE_IP,
      port: NODE_PORT,
      output: '10.180.2.1:80',
      masq: true,
      ipvs: { output: '10.180.2.1:80' },
    },
  ],
);
add(
  'externalTrafficPolicy Cluster',
  new TestCluster().add(
    makeService('etp', '172.30.0.41', externalSpec, ['1.2.3.4']),
    makeSlice('etp', [
      { ip: '10.180.0.1', node: NODE_NAME },
      { ip: '10.180.2.1', node: OTHER_NODE },
    ]),
  ),
  [
    { name: 'pod to cluster IP', source: POD, destination: '172.30.0.41', port: 80, output: BOTH },
    {
      name: 'pod to external IP',
      source: POD,
      destination: '192.168.99.11',
      port: 80,
      output: BOTH,
      masq: true,
    },
    {
      name: 'external to external IP',
      source: EXTERNAL_CLIENT,
      destination: '192.168.99.11',
      port: 80,
      output: BOTH,
      masq: true,
    },
    {
      name: 'pod to load balancer IP',
      source: POD,
      destination: '1.2.3.4',
      port: 80,
      output: BOTH,
      masq: true,
    },
    { name: 'pod to NodePort', source: POD, destination: NODE_IP, port: NODE_PORT, output: BOTH, masq: true },
    {
      name: 'external to NodePort',
      source: EXTERNAL_CLIENT,
      destination: NODE_IP,
      port: NODE_PORT,
      output: BOTH,
      masq: true,
    },
  ],
);

const internal = (
  title: string,
  policy: string,
  endpoints: Parameters<typeof makeSlice>[1],
  output: string,
) =>
  add(
    `internalTrafficPolicy ${policy}, ${title}`,
    new TestCluster().add(
      makeService('itp', '172.30.1.1', { internalTrafficPolicy: policy }),
      ...(endpoints.length === 0 ? [] : [makeSlice('itp', endpoints)]),
    ),
    [
      {
        name: 'pod to cluster IP',
        source: POD,
        destination: '172.30.1.1',
        port: 80,
        output,
        // Its list for policy Cluster is empty when nothing but the cluster IP leads here.
        ...(output === 'DROP' ? { ipvs: { output: 'REJECT' } } : {}),
      },
    ],
  );
const here = (ip: string) => ({ ip, node: NODE_NAME });
const there = (ip: string) => ({ ip, node: OTHER_NODE });
internal(
  'endpoints everywhere',
  'Cluster',
  [here('10.0.1.1'), there('10.0.1.2')],
  '10.0.1.1:80, 10.0.1.2:80',
);
internal('one endpoint here', 'Local', [here('10.0.1.1'), there('10.0.1.2')], '10.0.1.1:80');
internal(
  'several here',
  'Local',
  [here('10.0.1.1'), here('10.0.1.2'), there('10.0.1.3')],
  '10.0.1.1:80, 10.0.1.2:80',
);
internal('none here', 'Local', [there('10.0.1.2')], 'DROP');
internal('none anywhere', 'Local', [], 'REJECT');

const ready = { ready: true, serving: true, terminating: false };
const leaving = { ready: false, serving: true, terminating: true };
const gone = { ready: false, serving: false, terminating: true };
function terminating(
  title: string,
  policy: string,
  endpoints: Parameters<typeof makeSlice>[1],
  inside: string,
  outside: string,
) {
  add(
    `terminating endpoints, policy ${policy}, ${title}`,
    new TestCluster().add(
      makeService(
        't',
        '172.30.1.1',
        {
          type: 'LoadBalancer',
          externalTrafficPolicy: policy,
          ports: [{ name: 'p80', port: 80, nodePort: NODE_PORT }],
        },
        ['1.2.3.4'],
      ),
      ...(endpoints.length === 0 ? [] : [makeSlice('t', endpoints)]),
    ),
    [
      { name: 'pod to cluster IP', source: POD, destination: '172.30.1.1', port: 80, output: inside },
      {
        name: 'external to load balancer IP',
        source: EXTERNAL_CLIENT,
        destination: '1.2.3.4',
        port: 80,
        output: outside,
        masq: policy === 'Cluster' && outside.includes(':'),
        // It uses the remote ones instead.
        ...(outside === 'DROP' ? { ipvs: { output: inside } } : {}),
      },
    ],
  );
}
terminating(
  'ready ones win',
  'Local',
  [
    { ...here('10.0.1.1'), ...ready },
    { ...here('10.0.1.2'), ...ready },
    { ...here('10.0.1.3'), ...leaving },
    { ...here('10.0.1.4'), ...gone },
    { ...there('10.0.1.5'), ...ready },
  ],
  '10.0.1.1:80, 10.0.1.2:80, 10.0.1.5:80',
  '10.0.1.1:80, 10.0.1.2:80',
);
terminating(
  'only terminating ones here, ready ones elsewhere',
  'Local',
  [
    { ...here('10.0.1.1'), ...leaving },
    { ...here('10.0.1.3'), ...gone },
    { ...there('10.0.1.4'), ...ready },
  ],
  '10.0.1.4:80',
  '10.0.1.1:80',
);
terminating(
  'only terminating ones elsewhere',
  'Local',
  [{ ...there('10.0.1.4'), ...leaving }],
  '10.0.1.4:80',
  'DROP',
);
terminating('nobody serves', 'Local', [{ ...here('10.0.1.4'), ...gone }], 'REJECT', 'REJECT');
terminating('no slice', 'Local', [], 'REJECT', 'REJECT');
terminating(
  'ready ones win',
  'Cluster',
  [
    { ...here('10.0.1.1'), ...ready },
    { ...here('10.0.1.3'), ...leaving },
    { ...there('10.0.1.5'), ...ready },
  ],
  '10.0.1.1:80, 10.0.1.5:80',
  '10.0.1.1:80, 10.0.1.5:80',
);
terminating(
  'only terminating ones',
  'Cluster',
  [
    { ...here('10.0.1.1'), ...leaving },
    { ...there('10.0.1.3'), ...leaving },
    { ...here('10.0.1.4'), ...gone },
  ],
  '10.0.1.1:80, 10.0.1.3:80',
  '10.0.1.1:80, 10.0.1.3:80',
);
terminating('nobody serves', 'Cluster', [{ ...there('10.0.1.4'), ...gone }], 'REJECT', 'REJECT');
