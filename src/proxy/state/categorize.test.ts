import { describe, expect, it } from 'vitest';
import type { core } from '#api';
import { type EndpointSpec, makeService, makeSlice, NODE_NAME, OTHER_NODE } from '../testing/objects.js';
import { categorizeEndpoints } from './categorize.js';
import { mergeSlices } from './endpoints.js';
import { servicePorts } from './service-port.js';

interface Case {
  name: string;
  spec?: Partial<core.ServiceSpec>;
  zone?: string;
  endpoints: EndpointSpec[];
  cluster?: string;
  local?: string;
  reachable?: string;
  hasAny?: boolean;
}

const here = NODE_NAME;
const there = OTHER_NODE;
const A = '10.1.2.3';
const B = '10.1.2.4';
const C = '10.1.2.5';
const leaving = { ready: false, serving: true, terminating: true };
const unready = { ready: false, serving: false, terminating: false };
const ITP = { internalTrafficPolicy: 'Local' };
const ETP = {
  type: 'NodePort',
  externalTrafficPolicy: 'Local',
  ports: [{ name: 'p80', port: 80, nodePort: 3000 }],
};

const cases: Case[] = [
  { name: 'no hints: all ready ones', zone: 'z1', endpoints: [{ ip: A }, { ip: B }], cluster: 'AB' },
  {
    name: 'zone hints: this zone only',
    zone: 'z1',
    endpoints: [
      { ip: A, zones: ['z1'] },
      { ip: B, zones: ['z2'] },
    ],
    cluster: 'A',
  },
  {
    name: 'several zones in one hint',
    zone: 'z1',
    endpoints: [
      { ip: A, zones: ['z2', 'z1'] },
      { ip: B, zones: ['z2'] },
    ],
    cluster: 'A',
  },
  {
    name: 'a missing zone hint disables hints',
    zone: 'z1',
    endpoints: [{ ip: A, zones: ['z1'] }, { ip: B }],
    cluster: 'AB',
  },
  {
    name: 'a missing zone hint on an unready one does not',
    zone: 'z1',
    endpoints: [
      { ip: A, zones: ['z1'] },
      { ip: B, ...unready },
      { ip: C, zones: ['z2'] },
    ],
    cluster: 'A',
  },
  {
    name: 'no endpoint for this zone: all',
    zone: 'z3',
    endpoints: [
      { ip: A, zones: ['z1'] },
      { ip: B, zones: ['z2'] },
    ],
    cluster: 'AB',
  },
  {
    name: 'node without a zone: all',
    endpoints: [
      { ip: A, zones: ['z1'] },
      { ip: B, zones: ['z2'] },
    ],
    cluster: 'AB',
  },
  {
    name: 'node hints win over zone hints',
    zone: 'z1',
    endpoints: [
      { ip: A, zones: ['z1'], nodes: [there] },
      { ip: B, zones: ['z1'], nodes: [here] },
    ],
    cluster: 'B',
  },
  {
    name: 'no node hint for this node: zone hints',
    zone: 'z1',
    endpoints: [
      { ip: A, zones: ['z1'], nodes: [there] },
      { ip: B, zones: ['z2'], nodes: [there] },
    ],
    cluster: 'A',
  },
  {
    name: 'a missing node hint: zone hints',
    zone: 'z1',
    endpoints: [
      { ip: A, zones: ['z1'], nodes: [here] },
      { ip: B, zones: ['z1'] },
    ],
    cluster: 'AB',
  },
  {
    name: 'only an unready endpoint is hinted here: all',
    zone: 'z1',
    endpoints: [
      { ip: A, zones: ['z1'], ...unready },
      { ip: B, zones: ['z2'] },
    ],
    cluster: 'B',
  },
  { name: 'unready ones are out', endpoints: [{ ip: A }, { ip: B, ...unready }], cluster: 'A' },
  { name: 'nothing at all', endpoints: [], cluster: '', hasAny: false },
  { name: 'only unready ones', endpoints: [{ ip: A, ...unready }], cluster: '', hasAny: false },
  {
    name: 'terminating fallback',
    endpoints: [
      { ip: A, ...leaving },
      { ip: B, ...unready },
    ],
    cluster: 'A',
  },
  {
    name: 'terminating fallback ignores hints',
    zone: 'z1',
    endpoints: [
      { ip: A, zones: ['z1'], ...leaving },
      { ip: B, zones: ['z2'], ...leaving },
    ],
    cluster: 'AB',
  },
  { name: 'no fallback while one is ready', endpoints: [{ ip: A }, { ip: B, ...leaving }], cluster: 'A' },
  { name: 'absent conditions mean ready', endpoints: [{ ip: A }], cluster: 'A' },
  {
    name: 'ready while terminating counts (publishNotReadyAddresses)',
    endpoints: [{ ip: A, ready: true, terminating: true }],
    cluster: 'A',
  },
  {
    name: 'iTP Local: only local ones',
    spec: ITP,
    endpoints: [
      { ip: A, node: here },
      { ip: B, node: there },
    ],
    local: 'A',
    reachable: 'A',
  },
  {
    name: 'iTP Local: hints do not matter',
    spec: ITP,
    zone: 'z1',
    endpoints: [
      { ip: A, node: here, zones: ['z2'] },
      { ip: B, node: there, zones: ['z1'] },
    ],
    local: 'A',
    reachable: 'A',
  },
  {
    name: 'iTP Local: none here, some elsewhere',
    spec: ITP,
    endpoints: [{ ip: B, node: there }],
    local: '',
    reachable: '',
    hasAny: true,
  },
  { name: 'iTP Local: none anywhere', spec: ITP, endpoints: [], local: '', reachable: '', hasAny: false },
  {
    name: 'iTP Local: unready elsewhere only',
    spec: ITP,
    endpoints: [{ ip: B, node: there, ...unready }],
    reachable: '',
    hasAny: false,
  },
  {
    name: 'iTP Local: local fallback though ready ones are elsewhere',
    spec: ITP,
    endpoints: [
      { ip: A, node: here, ...leaving },
      { ip: B, node: there },
    ],
    local: 'A',
    reachable: 'A',
  },
  {
    name: 'eTP Local: both lists',
    spec: ETP,
    endpoints: [
      { ip: A, node: here },
      { ip: B, node: there },
    ],
    cluster: 'AB',
    local: 'A',
  },
  { name: 'eTP Local: none here', spec: ETP, endpoints: [{ ip: B, node: there }], cluster: 'B', local: '' },
  {
    name: 'eTP Local: hints narrow only the cluster list',
    spec: ETP,
    zone: 'z1',
    endpoints: [
      { ip: A, node: here, zones: ['z2'] },
      { ip: B, node: there, zones: ['z1'] },
    ],
    cluster: 'B',
    local: 'A',
    reachable: 'BA',
  },
  {
    name: 'eTP Local: local fallback joins the ready ones',
    spec: ETP,
    endpoints: [
      { ip: A, node: here, ...leaving },
      { ip: B, node: there },
    ],
    cluster: 'B',
    local: 'A',
    reachable: 'BA',
  },
  {
    name: 'eTP Local: fallback everywhere',
    spec: ETP,
    endpoints: [
      { ip: A, node: here, ...leaving },
      { ip: B, node: there, ...leaving },
    ],
    cluster: 'AB',
    local: 'A',
  },
  {
    name: 'eTP Local without any external way in: cluster list only',
    spec: { externalTrafficPolicy: 'Local' },
    endpoints: [
      { ip: A, node: here },
      { ip: B, node: there },
    ],
    cluster: 'AB',
    local: '',
  },
  {
    name: 'iTP and eTP Local',
    spec: { ...ETP, ...ITP },
    endpoints: [
      { ip: A, node: here },
      { ip: B, node: there },
    ],
    cluster: 'AB',
    local: 'A',
  },
];

const letters: Record<string, string> = { [A]: 'A', [B]: 'B', [C]: 'C' };

describe('categorizeEndpoints', () => {
  it.each(cases)('$name', ({ spec, zone, endpoints, cluster, local, reachable, hasAny }) => {
    const service = makeService('svc', '172.30.0.1', spec);
    const merged = mergeSlices([makeSlice('svc', endpoints)], 'IPv4', NODE_NAME).get('p80/TCP') ?? [];
    const port = servicePorts(service, 'IPv4', 'random')[0]!;
    const found = categorizeEndpoints(merged, port, { nodeName: NODE_NAME, zone });
    const names = (list: typeof merged) => list.map(({ target }) => letters[target.ip]).join('');
    expect({
      cluster: names(found.cluster),
      local: names(found.local),
      reachable: names(found.reachable),
      hasAny: found.hasAny,
    }).toEqual({
      cluster: cluster ?? '',
      local: local ?? '',
      reachable: reachable ?? cluster ?? '',
      hasAny: hasAny ?? true,
    });
  });
});

describe('mergeSlices', () => {
  const merge = (...slices: ReturnType<typeof makeSlice>[]) =>
    mergeSlices(slices, 'IPv4', NODE_NAME).get('p80/TCP') ?? [];

  it('takes an address that stands in two slices once, preferring the one that is not terminating', () => {
    const merged = merge(
      makeSlice('s', [{ ip: A, ...leaving }], undefined, '1'),
      makeSlice('s', [{ ip: A }], undefined, '2'),
    );
    expect(merged).toHaveLength(1);
    expect(merged[0]).toMatchObject({ target: { ip: A }, ready: true, terminating: false });
  });

  it('ignores addresses of the other family and names that are no address', () => {
    const slice = makeSlice('s', [{ ip: A }]);
    slice.endpoints!.push({ addresses: ['fd00::1'] }, { addresses: ['example.com'] }, { addresses: [] });
    expect(merge(slice).map(({ target }) => target.ip)).toEqual([A]);
    expect(merge({ ...slice, addressType: 'FQDN' })).toEqual([]);
  });

  it('skips ports without a number', () => {
    expect(merge(makeSlice('s', [{ ip: A }], [{ name: 'p80', protocol: 'TCP' }]))).toEqual([]);
  });

  it('does not depend on the order of slices', () => {
    const one = makeSlice('s', [{ ip: A }, { ip: C }], undefined, '1');
    const two = makeSlice('s', [{ ip: B }], undefined, '2');
    expect(merge(one, two)).toEqual(merge(two, one));
  });
});
