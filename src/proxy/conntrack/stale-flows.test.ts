import { describe, expect, it } from 'vitest';
import { type Flow, parseFlow } from '#host';
import { TestCluster } from '../testing/cluster.js';
import { desiredOf } from '../testing/flows.js';
import { type EndpointSpec, makeService, makeSlice, NODE_NAME } from '../testing/objects.js';
import { affectedDestinations, staleFlows } from './stale-flows.js';

const options = {
  family: 'IPv4' as const,
  topology: { nodeName: NODE_NAME, zone: undefined },
  algorithm: 'random' as const,
};
const VIP = '172.30.0.10';
const NODE = '192.168.0.2';
const ports = [{ name: 'dns', port: 53, protocol: 'UDP', nodePort: 30_053 }];
const slicePorts = [{ name: 'dns', port: 5353, protocol: 'UDP' }];

function flow(destination: string, port: number, replySource: string, replyPort: number): Flow {
  return {
    protocol: 'udp',
    source: '10.9.9.9',
    sourcePort: 1000,
    destination,
    destinationPort: port,
    replySource,
    replySourcePort: replyPort,
  };
}
const toA = flow(VIP, 53, '10.0.0.1', 5353);
const toB = flow(VIP, 53, '10.0.0.2', 5353);
const undirected = flow(VIP, 53, VIP, 53);
const nodeToA = flow(NODE, 30_053, '10.0.0.1', 5353);
const stranger = flow('192.168.0.77', 30_053, '192.168.0.77', 30_053);
const other = flow('172.30.0.99', 53, '10.0.0.1', 5353);

const A: EndpointSpec = { ip: '10.0.0.1' };
const B: EndpointSpec = { ip: '10.0.0.2' };

/** Flows that a change from one set of endpoints to another makes stale; undefined: no Service. */
async function stale(before: EndpointSpec[] | undefined, after: EndpointSpec[] | undefined): Promise<Flow[]> {
  const cluster = new TestCluster();
  const put = (endpoints: EndpointSpec[] | undefined) => {
    cluster.services.clear();
    cluster.slicesByName.clear();
    if (endpoints === undefined) return;
    cluster.add(
      makeService('dns', VIP, { type: 'NodePort', ports }),
      makeSlice('dns', endpoints, slicePorts),
    );
  };
  put(before);
  const state = await desiredOf(cluster);
  put(after);
  const computed = state.recompute(['ns/dns'], options);
  const flows = [toA, toB, undirected, nodeToA, stranger, other];
  return staleFlows(flows, affectedDestinations(computed), (address) => address === NODE);
}

describe('stale UDP flows', () => {
  it('are those of the endpoint that left, by cluster IP and by NodePort of this node only', async () => {
    expect(await stale([A, B], [B])).toEqual([toA, undirected, nodeToA]);
  });

  it('do not include flows of endpoints that serve while terminating', async () => {
    expect(await stale([A, B], [{ ...A, ready: false, serving: true, terminating: true }, B])).toEqual([]);
  });

  it('are all flows when no endpoint is left', async () => {
    expect(await stale([A, B], [])).toEqual([toA, toB, undirected, nodeToA]);
  });

  it('are those that went past a Service without endpoints, once it has some', async () => {
    expect(await stale([], [A])).toEqual([toB, undirected]);
  });

  it('are those that were sent before the Service existed', async () => {
    expect(await stale(undefined, [A])).toEqual([toB, undirected]);
  });

  it('are the directed flows of a deleted Service, never those to other programs', async () => {
    expect(await stale([A, B], undefined)).toEqual([toA, toB, nodeToA]);
  });

  it('are none when endpoints only join', async () => {
    expect(await stale([A], [A, B])).toEqual([]);
  });
});

describe('parseFlow', () => {
  it('reads a line of conntrack -L', () => {
    const line =
      'udp      17 99 src=10.9.9.9 dst=172.30.0.10 sport=1000 dport=53 [UNREPLIED] src=10.0.0.1 dst=10.9.9.9 sport=5353 dport=1000 mark=0 use=1';
    expect(parseFlow(line)).toEqual(toA);
  });

  it('skips lines of another shape', () => {
    expect(
      parseFlow('icmp 1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=1 src=10.0.0.2 dst=10.0.0.1'),
    ).toBeUndefined();
    expect(parseFlow('')).toBeUndefined();
  });
});
