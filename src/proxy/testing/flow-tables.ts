import { TestCluster } from './cluster.js';
import { type FlowTable, table } from './flow-table.js';
import { BLOCKED_CLIENT, EXTERNAL_CLIENT, NODE_IP, SECOND_NODE_IP, testSettings } from './flows.js';
import { makeService, makeSlice, NODE_NAME, OTHER_NODE } from './objects.js';

/** What of a Service leads where: the tables of upstream’s packet flow tests. */
export const flowTables: FlowTable[] = [];

function add(...args: Parameters<typeof table>): void {
  flowTables.push(table(...args));
}

const POD = '10.0.0.2';
const NODE_PORT = 3001;

add(
  'no endpoints',
  new TestCluster().add(
    makeService(
      'empty',
      '172.30.0.41',
      {
        type: 'LoadBalancer',
        externalIPs: ['192.168.99.11'],
        ports: [{ name: 'p80', port: 80, nodePort: NODE_PORT }],
      },
      ['1.2.3.4'],
    ),
  ),
  [
    { name: 'pod to cluster IP', source: POD, destination: '172.30.0.41', port: 80, output: 'REJECT' },
    {
      name: 'external to external IP',
      source: EXTERNAL_CLIENT,
      destination: '192.168.99.11',
      port: 80,
      output: 'REJECT',
    },
    {
      name: 'external to NodePort',
      source: EXTERNAL_CLIENT,
      destination: NODE_IP,
      port: NODE_PORT,
      output: 'REJECT',
    },
    { name: 'pod to NodePort', source: POD, destination: NODE_IP, port: NODE_PORT, output: 'REJECT' },
    {
      name: 'external to load balancer IP',
      source: EXTERNAL_CLIENT,
      destination: '1.2.3.4',
      port: 80,
      output: 'REJECT',
    },
    { name: 'pod to load balancer IP', source: POD, destination: '1.2.3.4', port: 80, output: 'REJECT' },
    { name: 'node to cluster IP', source: NODE_IP, destination: '172.30.0.41', port: 80, output: 'REJECT' },
  ],
);

const dnsPorts = [
  { name: 'dns', port: 53, protocol: 'UDP' },
  { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  { name: 'dns-sctp', port: 53, protocol: 'SCTP' },
];
add(
  'cluster IPs',
  new TestCluster().add(
    makeService('one', '172.30.0.41'),
    makeSlice('one', [{ ip: '10.180.0.1', node: NODE_NAME }]),
    makeService('two', '172.30.0.42', {
      ports: [
        { name: 'http', port: 80, protocol: 'TCP' },
        { name: 'https', port: 443, protocol: 'TCP' },
      ],
    }),
    makeSlice(
      'two',
      [
        { ip: '10.180.0.1', node: NODE_NAME },
        { ip: '10.180.2.1', node: OTHER_NODE },
      ],
      [
        { name: 'http', port: 8080, protocol: 'TCP' },
        { name: 'https', port: 8443, protocol: 'TCP' },
      ],
    ),
    makeService('three', '172.30.0.43', { ports: dnsPorts }),
    makeSlice(
      'three',
      [{ ip: '10.180.3.1', node: OTHER_NODE }],
      [
        { name: 'dns', port: 5301, protocol: 'UDP' },
        { name: 'dns-tcp', port: 5302, protocol: 'TCP' },
        { name: 'dns-sctp', port: 5303, protocol: 'SCTP' },
      ],
    ),
  ),
  [
    { name: 'simple', source: POD, destination: '172.30.0.41', port: 80, output: '10.180.0.1:80' },
    {
      name: 'hairpin',
      source: '10.180.0.1',
      destination: '172.30.0.41',
      port: 80,
      output: '10.180.0.1:80',
      masq: true,
    },
    {
      name: 'several endpoints and a target port',
      source: POD,
      destination: '172.30.0.42',
      port: 443,
      output: '10.180.0.1:8443, 10.180.2.1:8443',
    },
    {
      name: 'UDP on a shared port',
      source: POD,
      protocol: 'udp',
      destination: '172.30.0.43',
      port: 53,
      output: '10.180.3.1:5301',
    },
    {
      name: 'TCP on a shared port',
      source: POD,
      protocol: 'tcp',
      destination: '172.30.0.43',
      port: 53,
      output: '10.180.3.1:5302',
    },
    {
      name: 'SCTP on a shared port',
      source: POD,
      protocol: 'sctp',
      destination: '172.30.0.43',
      port: 53,
      output: '10.180.3.1:5303',
      userspace: '',
    },
    {
      name: 'wrong protocol',
      source: POD,
      protocol: 'udp',
      destination: '172.30.0.42',
      port: 80,
      output: 'REJECT',
      iptables: '',
    },
    { name: 'wrong port', source: POD, destination: '172.30.0.42', port: 81, output: 'REJECT', iptables: '' },
    {
      name: 'unallocated address',
      source: POD,
      destination: '172.30.0.99',
      port: 80,
      output: 'DROP',
      ipvs: { output: '' },
      iptables: '',
      userspace: 'REJECT',
    },
    { name: 'outside the service range', source: POD, destination: '172.31.0.99', port: 80, output: '' },
  ],
);

const ranges = ['192.168.0.0/24', '203.0.113.0/25', ' 203.0.113.130/32 '];
add(
  'load balancers',
  new TestCluster().add(
    makeService(
      'lb',
      '172.30.0.41',
      {
        type: 'LoadBalancer',
        ports: [{ name: 'p80', port: 80, nodePort: NODE_PORT }],
        loadBalancerSourceRanges: ranges.slice(0, 2),
      },
      ['1.2.3.4', '5.6.7.8'],
    ),
    makeSlice('lb', [{ ip: '10.180.0.1', node: NODE_NAME }]),
    makeService(
      'open',
      '172.30.0.42',
      { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/24', '0.0.0.0/0'] },
      ['1.2.3.5'],
    ),
    makeSlice('open', [{ ip: '10.180.0.1', node: NODE_NAME }]),
    {
      ...makeService('beyond', '172.30.0.43', { type: 'LoadBalancer' }),
      status: { loadBalancer: { ingress: [{ ip: '1.2.3.6', ipMode: 'Proxy' }, { hostname: 'lb.example' }] } },
    },
    makeSlice('beyond', [{ ip: '10.180.0.1', node: NODE_NAME }]),
  ),
  [
    { name: 'pod to cluster IP', source: POD, destination: '172.30.0.41', port: 80, output: '10.180.0.1:80' },
    {
      name: 'external to NodePort (ranges do not apply)',
      source: EXTERNAL_CLIENT,
      destination: NODE_IP,
      port: NODE_PORT,
      output: '10.180.0.1:80',
      masq: true,
    },
    {
      name: 'blocked external to NodePort',
      source: BLOCKED_CLIENT,
      destination: NODE_IP,
      port: NODE_PORT,
      output: '10.180.0.1:80',
      masq: true,
    },
    {
      name: 'accepted external to the first address',
      source: EXTERNAL_CLIENT,
      destination: '1.2.3.4',
      port: 80,
      output: '10.180.0.1:80',
      masq: true,
    },
    {
      name: 'accepted external to the second address',
      source: EXTERNAL_CLIENT,
      destination: '5.6.7.8',
      port: 80,
      output: '10.180.0.1:80',
      masq: true,
    },
    { name: 'blocked external', source: BLOCKED_CLIENT, destination: '1.2.3.4', port: 80, output: 'DROP' },
    { name: 'pod outside the ranges', source: POD, destination: '1.2.3.4', port: 80, output: 'DROP' },
    {
      name: 'node inside the ranges',
      source: NODE_IP,
      destination: '5.6.7.8',
      port: 80,
      output: '10.180.0.1:80',
      masq: true,
    },
    {
      name: 'load balancer address as its own source',
      source: '5.6.7.8',
      destination: '5.6.7.8',
      port: 80,
      output: '10.180.0.1:80',
      masq: true,
    },
    {
      name: 'a /0 range opens it',
      source: BLOCKED_CLIENT,
      destination: '1.2.3.5',
      port: 80,
      output: '10.180.0.1:80',
      masq: true,
    },
    { name: 'ipMode Proxy is not captured', source: POD, destination: '1.2.3.6', port: 80, output: '' },
  ],
);

const nodePortCluster = new TestCluster().add(
  makeService('np', '172.30.0.41', {
    type: 'NodePort',
    ports: [{ name: 'p80', port: 80, nodePort: NODE_PORT }],
  }),
  makeSlice('np', [{ ip: '10.180.0.1', node: NODE_NAME }]),
);
add('NodePorts on the primary address', nodePortCluster, [
  {
    name: 'external to the node',
    source: EXTERNAL_CLIENT,
    destination: NODE_IP,
    port: NODE_PORT,
    output: '10.180.0.1:80',
    masq: true,
  },
  {
    name: 'pod to the node',
    source: POD,
    destination: NODE_IP,
    port: NODE_PORT,
    output: '10.180.0.1:80',
    masq: true,
  },
  {
    name: 'another address',
    source: EXTERNAL_CLIENT,
    destination: SECOND_NODE_IP,
    port: NODE_PORT,
    output: '',
    userspace: 'REJECT',
  },
  {
    name: 'loopback',
    source: '127.0.0.1',
    destination: '127.0.0.1',
    port: NODE_PORT,
    output: '',
    userspace: 'REJECT',
  },
]);
add(
  'NodePorts on all addresses',
  nodePortCluster,
  [
    {
      name: 'the node',
      source: EXTERNAL_CLIENT,
      destination: NODE_IP,
      port: NODE_PORT,
      output: '10.180.0.1:80',
      masq: true,
    },
    {
      name: 'loopback never',
      source: '127.0.0.1',
      destination: '127.0.0.1',
      port: NODE_PORT,
      output: '',
      userspace: '10.180.0.1:80',
    },
    { name: 'not the next node', source: POD, destination: '192.168.0.3', port: NODE_PORT, output: '' },
  ],
  testSettings({ nodePortAddresses: 'all' }),
);

add(
  'NodePorts on several addresses',
  nodePortCluster,
  [NODE_IP, SECOND_NODE_IP].map((destination) => ({
    name: `external to ${destination}`,
    source: EXTERNAL_CLIENT,
    destination,
    port: NODE_PORT,
    output: '10.180.0.1:80',
    masq: true,
  })),
  testSettings({ nodePortAddresses: [NODE_IP, SECOND_NODE_IP] }),
);
add(
  'NodePorts on loopback addresses',
  nodePortCluster,
  [
    {
      name: 'with route_localnet',
      source: '127.0.0.1',
      destination: '127.0.0.1',
      port: NODE_PORT,
      output: '',
      iptables: { output: '10.180.0.1:80', masq: true },
      userspace: '10.180.0.1:80',
    },
    {
      name: 'another port stays untouched',
      source: '127.0.0.1',
      destination: '127.0.0.1',
      port: NODE_PORT + 1,
      output: '',
      userspace: 'REJECT',
    },
    {
      name: 'a neighbour that sends to loopback is dropped',
      source: '192.168.0.4',
      destination: '127.0.0.1',
      port: 22,
      output: '',
      iptables: 'DROP',
      userspace: 'REJECT',
    },
  ],
  testSettings({ nodePortAddresses: 'all', localhostNodePorts: true }),
);

add(
  'address spelling',
  new TestCluster().add(
    makeService(
      'bad',
      '172.30.0.041',
      {
        type: 'LoadBalancer',
        externalIPs: ['192.168.099.022'],
        loadBalancerSourceRanges: ['203.0.113.000/025'],
      },
      ['1.2.3.004'],
    ),
    makeSlice('bad', [{ ip: '10.180.00.001', node: NODE_NAME }]),
  ),
  [
    {
      name: 'cluster IP with leading zeros',
      source: POD,
      destination: '172.30.0.41',
      port: 80,
      output: '10.180.0.1:80',
    },
    {
      name: 'external IP with leading zeros',
      source: POD,
      destination: '192.168.99.22',
      port: 80,
      output: '10.180.0.1:80',
      masq: true,
    },
    {
      name: 'load balancer IP and range with leading zeros',
      source: EXTERNAL_CLIENT,
      destination: '1.2.3.4',
      port: 80,
      output: '10.180.0.1:80',
      masq: true,
    },
    {
      name: 'range with leading zeros blocks',
      source: BLOCKED_CLIENT,
      destination: '1.2.3.4',
      port: 80,
      output: 'DROP',
    },
  ],
);
