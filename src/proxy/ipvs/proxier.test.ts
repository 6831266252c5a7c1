import { describe, expect, it } from 'vitest';
import { FakeClock, silentLogger } from '#base';
import { loadProxyConfig } from '../config/load.js';
import { takeOver } from '../modes.js';
import { DesiredState } from '../state/desired-state.js';
import { TestCluster } from '../testing/cluster.js';
import { changesOf, syncAll } from '../testing/convergence.js';
import { NODE_IP, testSettings } from '../testing/flows.js';
import { IpvsPrograms } from '../testing/ipvs-programs.js';
import { makeService, makeSlice, NODE_NAME, OTHER_NODE } from '../testing/objects.js';
import { cleanupIpvs } from './cleanup.js';
import { IpvsProxier } from './proxier.js';

const options = {
  family: 'IPv4' as const,
  topology: { nodeName: NODE_NAME, zone: undefined },
  algorithm: 'random' as const,
};
const VIP = '-t 172.30.0.1:80';
const A = '10.180.0.1:80';
const B = '10.180.1.1:80';
const here = { ip: '10.180.0.1', node: NODE_NAME };
const there = { ip: '10.180.1.1', node: OTHER_NODE };

function proxierFor(programs: IpvsPrograms, ipvs: Record<string, unknown> = {}) {
  const clock = new FakeClock();
  const proxier = new IpvsProxier({
    family: 'IPv4',
    programs,
    logger: silentLogger,
    clock,
    config: loadProxyConfig('', { mode: 'ipvs', ipvs }).config,
    localAddresses: () => ['127.0.0.1', NODE_IP],
  });
  return { proxier, clock };
}

async function fixture(cluster: TestCluster, ipvs: Record<string, unknown> = {}) {
  const programs = new IpvsPrograms();
  const { proxier, clock } = proxierFor(programs, ipvs);
  const state = await syncAll(proxier, cluster, options);
  programs.changes = [];
  /** What the change of this Service writes. */
  const change = async (key = 'ns/web') => {
    await proxier.apply(changesOf(state, [key], options));
    return programs.changes.splice(0);
  };
  return { programs, proxier, clock, change, kernel: programs.kernel };
}

const webCluster = (...endpoints: Parameters<typeof makeSlice>[1]) =>
  new TestCluster().add(makeService('web', '172.30.0.1'), makeSlice('web', endpoints));

describe('a change in ipvs mode', () => {
  it('writes only what it concerns, in one run of each program', async () => {
    const cluster = webCluster(here);
    const { change } = await fixture(cluster);
    cluster.add(makeSlice('web', [here, there]));
    expect(await change()).toEqual([`ipvsadm: -a ${VIP} -r ${B} -m -w 1`]);
    expect(await change()).toEqual([]);
    cluster.services.delete('ns/web');
    expect(await change()).toEqual([
      'ipset: del KUBE-LOOP-BACK 10.180.0.1,tcp:80,10.180.0.1',
      'ipset: del KUBE-CLUSTER-IP 172.30.0.1,tcp:80',
      'ipset: del KUBE-IPVS-IPS 172.30.0.1',
      `ipvsadm: -D ${VIP}`,
      'ip: addr del 172.30.0.1/32 dev kube-ipvs0',
    ]);
  });

  it('lets a TCP server that leaves end its connections, and then deletes it', async () => {
    const cluster = webCluster(here, there);
    const { change, proxier, programs, kernel } = await fixture(cluster);
    cluster.add(makeSlice('web', [here]));
    programs.connections.set(`${VIP} ${B}`, 1);
    expect(await change()).toEqual([`ipvsadm: -e ${VIP} -r ${B} -m -w 0`]);
    expect([proxier.needsTidying, proxier.tidyAfterMs]).toEqual([true, 1500]);
    await proxier.tidy();
    expect(kernel.servers.get(VIP)!.targets.get(B)).toBe(0);
    expect([proxier.needsTidying, proxier.tidyAfterMs]).toEqual([true, 60_000]);
    programs.connections.clear();
    await proxier.tidy();
    expect([...kernel.servers.get(VIP)!.targets.keys()]).toEqual([A]);
    expect(proxier.needsTidying).toBe(false);
  });

  it('looks after servers that leave also when changes never pause', async () => {
    const cluster = webCluster(here, there);
    const { change, clock, kernel } = await fixture(cluster);
    clock.advance(61_000);
    cluster.add(makeSlice('web', [here]));
    await change();
    expect([...kernel.servers.get(VIP)!.targets.keys()]).toEqual([A]);
  });

  it('takes a server back that returns while it drains', async () => {
    const cluster = webCluster(here, there);
    const { change, proxier } = await fixture(cluster);
    cluster.add(makeSlice('web', [here]));
    await change();
    cluster.add(makeSlice('web', [here, there]));
    expect(await change()).toEqual([`ipvsadm: -e ${VIP} -r ${B} -m -w 1`]);
    expect(proxier.needsTidying).toBe(false);
  });

  it.each(['UDP', 'SCTP'])('deletes %s servers at once', async (protocol) => {
    const ports = [{ name: 'p', port: 80, protocol }];
    const cluster = new TestCluster().add(
      makeService('web', '172.30.0.1', { ports }),
      makeSlice('web', [here, there], ports),
    );
    const { change, proxier } = await fixture(cluster);
    cluster.add(makeSlice('web', [here], ports));
    const flag = protocol === 'UDP' ? '-u' : '--sctp-service';
    expect(await change()).toEqual([`ipvsadm: -d ${flag} 172.30.0.1:80 -r ${B}`]);
    expect(proxier.needsTidying).toBe(false);
  });

  it('changes scheduler and affinity without touching the servers', async () => {
    const cluster = webCluster(here, there);
    const { change } = await fixture(cluster);
    const timeout = { clientIP: { timeoutSeconds: 30 } };
    const sticky = makeService('web', '172.30.0.1', {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: timeout,
    });
    sticky.metadata.annotations = { 'kubesvc.dev/load-balancing': 'source-hash' };
    cluster.add(sticky);
    expect(await change()).toEqual([`ipvsadm: -E ${VIP} -s sh -p 30 -b sh-fallback`]);
  });

  it('rewrites the chains only for load balancers that the node may not reach', async () => {
    const cluster = webCluster(here);
    const { change } = await fixture(cluster);
    const spec = { type: 'LoadBalancer', loadBalancerSourceRanges: ['203.0.113.0/24'] };
    cluster.add(makeService('web', '172.30.0.1', spec, ['1.2.3.4']));
    expect(await change()).toContain(
      'iptables-restore: -A KUBE-IPVS-OUT-FILTER -s 1.2.3.4 -m ipvs --vaddr 1.2.3.4 --vproto tcp --vport 80 -j DROP',
    );
  });
});

describe('schedulers', () => {
  const weighted = makeSlice('web', [there], undefined, '2');
  weighted.metadata.annotations = { 'kubesvc.dev/weight': '3' };
  const cases = [
    { scheduler: 'rr', slice: undefined, written: '-s rr' },
    { scheduler: 'lc', slice: undefined, written: '-s lc' },
    { scheduler: 'mh', slice: undefined, written: '-s mh -b mh-port' },
    { scheduler: 'rr', slice: weighted, written: '-s wrr' },
    { scheduler: 'lc', slice: weighted, written: '-s wlc' },
    { scheduler: 'sed', slice: weighted, written: '-s sed' },
  ];
  it.each(cases)('$scheduler is written as "$written"', async ({ scheduler, slice, written }) => {
    const cluster = webCluster(here);
    if (slice !== undefined) cluster.add(slice);
    const { kernel } = await fixture(cluster, { scheduler });
    expect(kernel.servers.get(VIP)!.options).toBe(written);
    const weights = slice === undefined ? { [A]: 1 } : { [A]: 1, [B]: 3 };
    expect(Object.fromEntries(kernel.servers.get(VIP)!.targets)).toEqual(weights);
  });

  it('are those that the kernel has', () => {
    const load = (scheduler: string) => loadProxyConfig('', { ipvs: { scheduler } });
    expect(load('').config.ipvs.scheduler).toBe('rr');
    expect(() => load('fastest')).toThrow(/ipvs\.scheduler/);
    expect(() => loadProxyConfig('', { ipvs: { excludeCIDRs: ['x'] } })).toThrow(/ipvs\.excludeCIDRs/);
  });
});

describe('a full sync in ipvs mode', () => {
  it('adopts what an earlier process left and writes nothing but the chains', async () => {
    const cluster = webCluster(here, there);
    const { programs } = await fixture(cluster);
    const next = proxierFor(programs);
    await syncAll(next.proxier, cluster, options);
    expect(programs.changes.filter((line) => !line.startsWith('iptables-restore'))).toEqual([]);
    expect(programs.kernel.tables.chains.get('nat PREROUTING')).toHaveLength(1);
  });

  it('repairs servers, sets and addresses that somebody changed', async () => {
    const cluster = webCluster(here, there);
    const { programs, kernel, proxier } = await fixture(cluster);
    const before = [kernel.save(), kernel.saveSets(), [...kernel.addresses]];
    kernel.ipvsadm([`-d ${VIP} -r ${A}`, `-e ${VIP} -r ${B} -m -w 0`, '-A -t 172.30.0.9:80 -s rr']);
    kernel.ipset(['del KUBE-CLUSTER-IP 172.30.0.1,tcp:80', 'destroy KUBE-LOOP-BACK']);
    kernel.ip(['addr del 172.30.0.1/32 dev kube-ipvs0', 'addr add 172.30.0.9/32 dev kube-ipvs0']);
    await syncAll(proxier, cluster, options);
    const sorted = (text: unknown) => String(text).split('\n').sort();
    expect([kernel.save(), kernel.saveSets(), [...kernel.addresses]].map(sorted)).toEqual(before.map(sorted));
    expect(programs.changes).not.toEqual([]);
  });

  it('remembers what drained before the process was started again', async () => {
    const cluster = webCluster(here, there);
    const { programs, change } = await fixture(cluster);
    cluster.add(makeSlice('web', [here]));
    await change();
    const { proxier } = proxierFor(programs);
    await syncAll(proxier, cluster, options);
    expect(proxier.needsTidying).toBe(true);
    await proxier.tidy();
    expect([...programs.kernel.servers.get(VIP)!.targets.keys()]).toEqual([A]);
  });

  it('leaves virtual servers of excludeCIDRs and of the other family alone', async () => {
    const programs = new IpvsPrograms();
    const foreign = ['-A -t 192.0.2.7:80 -s rr', '-A -t [fd00::1]:80 -s rr', '-A -t 192.0.3.7:80 -s rr'];
    programs.kernel.ipvsadm(foreign);
    const { proxier } = proxierFor(programs, { excludeCIDRs: ['192.0.2.0/24'] });
    await syncAll(proxier, webCluster(here), options);
    expect([...programs.kernel.servers.keys()]).toEqual(['-t 192.0.2.7:80', '-t [fd00::1]:80', VIP]);
  });

  it('gives NodePorts virtual servers on each address of the node but loopback', async () => {
    const spec = { type: 'NodePort', ports: [{ name: 'p80', port: 80, nodePort: 30_080 }] };
    const cluster = new TestCluster().add(makeService('web', '172.30.0.1', spec), makeSlice('web', [here]));
    const programs = new IpvsPrograms();
    const { proxier } = proxierFor(programs);
    const state = new DesiredState('IPv4', cluster);
    await proxier.resync(state.recomputeAll(options), testSettings({ nodePortAddresses: 'all' }));
    expect([...programs.kernel.servers.keys()]).toEqual([VIP, `-t ${NODE_IP}:30080`]);
    expect([...programs.kernel.addresses]).toEqual(['172.30.0.1']);
  });
});

describe('what others do to the kernel', () => {
  const damages: [what: string, damage: (programs: IpvsPrograms) => void][] = [
    ['servers', ({ kernel }) => kernel.ipvsadm([`-d ${VIP} -r ${B}`])],
    ['KUBE-CLUSTER-IP', ({ kernel }) => kernel.ipset(['del KUBE-CLUSTER-IP 172.30.0.1,tcp:80'])],
    ['addresses', ({ kernel }) => kernel.ip(['addr del 172.30.0.1/32 dev kube-ipvs0'])],
    ['missing', ({ kernel }) => void kernel.tables.chains.set('nat PREROUTING', [])],
    [
      'servers',
      (programs) => {
        programs.hasDevice = false;
      },
    ],
  ];
  it.each(damages)('is noticed within syncPeriod: %s', async (what, damage) => {
    const { programs, proxier, clock } = await fixture(webCluster(here, there));
    const seen: string[] = [];
    const stop = await proxier.watchForeignChanges((odd) => void seen.push(odd));
    const looks = () => programs.calls.filter(({ file }) => file === 'iptables-save').length;
    const before = looks();
    clock.advance(30_000);
    await expect.poll(looks).toBe(before + 2);
    expect(seen).toEqual([]);
    damage(programs);
    const look = () => {
      clock.advance(30_000);
      return seen.length;
    };
    await expect.poll(look).toBeGreaterThan(0);
    expect(seen[0]).toContain(what);
    await stop();
  });
});

it('counts connections per Service and endpoint', async () => {
  const { proxier, programs } = await fixture(webCluster(here, there));
  programs.connections.set(`${VIP} ${A}`, 7);
  const of = { service: 'ns/web', portName: 'p80', protocol: 'TCP' };
  expect(await proxier.connectionCounts('endpoint')).toEqual([
    { ...of, endpoint: { ip: '10.180.0.1', port: 80 }, connections: 7 },
    { ...of, endpoint: { ip: '10.180.1.1', port: 80 }, connections: 0 },
  ]);
  expect((await proxier.connectionCounts('service')).map(({ service }) => service)).toEqual(['ns/web']);
});

describe('leaving ipvs mode', () => {
  it('removes servers, sets, chains and the device, and nothing where there is no device', async () => {
    const { programs, kernel } = await fixture(webCluster(here, there));
    const tables = [{ family: 'IPv4' as const, backend: 'default' as const }];
    await cleanupIpvs(programs, tables);
    expect([kernel.servers.size, kernel.sets.size, kernel.addresses.size, programs.hasDevice]).toEqual([
      0,
      0,
      0,
      false,
    ]);
    expect(
      [...kernel.tables.chains].filter(([name, rules]) => / KUBE-/.test(name) || rules.length > 0),
    ).toEqual([]);
    kernel.ipvsadm(['-A -t 192.0.2.7:80 -s rr']);
    await cleanupIpvs(programs, tables);
    expect(kernel.servers.size).toBe(1);
  });

  it('removes chains and the device also where ipvsadm is not installed', async () => {
    const { programs, kernel } = await fixture(webCluster(here));
    programs.refusal = 'ipvsadm: not found';
    await cleanupIpvs(programs, [{ family: 'IPv4', backend: 'default' }]);
    expect([kernel.sets.size, programs.hasDevice]).toEqual([0, false]);
  });

  it('is not what taking over from other modes does to its own chains', async () => {
    const { programs, kernel } = await fixture(webCluster(here, there));
    const before = [...kernel.tables.chains.keys()];
    const run = programs.onRun!;
    // Both back ends are one simulated kernel.
    programs.onRun = (call) => {
      if (call.file === 'nft') return { stdout: 'table ip nat\ntable ip filter\n' };
      return run({ ...call, file: call.file.replace('iptables-nft', 'iptables') });
    };
    kernel.tables.restore('*nat\n:KUBE-SVC-ABCDEFGHIJKLMNOP - [0:0]\nCOMMIT\n');
    await takeOver('ipvs', programs, silentLogger);
    expect([...kernel.tables.chains.keys()]).toEqual(before);
  });
});
