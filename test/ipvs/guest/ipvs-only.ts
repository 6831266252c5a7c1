import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkIpvsSupport } from '../../../src/proxy/ipvs/preflight.js';
import { ask, constantLoad, Lab, type LabPod, type Namespace, serveEcho } from '../../kernel/proxy-lab.js';
import { ProxyUnderTest } from './proxies.js';

const VIP = '10.96.0.30';
const HOLD = '10.96.0.31';
const LB = '198.51.100.30';
const webPorts = [
  { name: 'tcp', port: 8080, protocol: 'TCP' },
  { name: 'udp', port: 8080, protocol: 'UDP' },
];
const holdPorts = [{ name: 'tcp', port: 9090, protocol: 'TCP' }];
const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'sh', 'dh', 'sed', 'nq', 'fo', 'ovf', 'mh'];

/** A connection that stays open; `say` resolves with the echo. `reset` ends it at once. */
async function openConnection(ns: Namespace, address: string, port: number) {
  const program = await ns.programs.spawn('socat', ['-', `TCP4:${address}:${port},linger=0`], {
    stdin: 'pipe',
  });
  return {
    async say(word: string): Promise<string> {
      program.stdin.write(`${word}\n`);
      const ended = program.exited.then(() => ['closed']);
      return String((await Promise.race([once(program.stdout, 'data'), ended]))[0]).trim();
    },
    async reset() {
      program.kill('SIGKILL');
      await program.exited;
    },
  };
}

describe('the ipvs mode on the kernel that it needs', () => {
  let lab: Lab;
  let proxy: ProxyUnderTest;
  let client: LabPod;
  let first: LabPod;
  let second: LabPod;
  const node = () => lab.nodes[0]!;
  const servers = () => node().ns.sh('ipvsadm --save --numeric');

  beforeAll(async () => {
    lab = await Lab.create();
    client = await lab.pod(0, 'client');
    first = await lab.pod(0, 'first');
    second = await lab.pod(1, 'second');
    for (const pod of [first, second]) {
      await serveEcho(pod.ns, pod.name, 8080);
      await pod.ns.programs.spawn('socat', ['TCP4-LISTEN:9090,fork,reuseaddr', 'EXEC:cat']);
    }
    proxy = new ProxyUnderTest(lab);
    const port = (name: string, protocol: string) => ({ name, port: 80, protocol });
    proxy.service('web', VIP, { ports: [port('tcp', 'TCP'), port('udp', 'UDP')] });
    proxy.endpoints('web', webPorts, [first, second]);
    proxy.service('hold', HOLD, { ports: [port('tcp', 'TCP')] });
    proxy.endpoints('hold', holdPorts, [first]);
    const ranges = { type: 'LoadBalancer', ports: [port('tcp', 'TCP')] };
    proxy.service('fenced', '10.96.0.32', { ...ranges, loadBalancerSourceRanges: ['172.30.0.100/32'] }, [LB]);
    proxy.endpoints('fenced', webPorts, [first, second]);
    await proxy.start({ mode: 'ipvs' });
  });

  afterAll(async () => {
    await proxy?.stop();
    await lab?.destroy();
  });

  it('has started with both families at once, on one device', async () => {
    const sets = (await node().ns.sh('ipset list -name')).split('\n');
    expect(sets).toContain('KUBE-CLUSTER-IP');
    expect(sets).toContain('KUBE-6-CLUSTER-IP');
    expect(await node().ns.sh('ip6tables-save -t nat')).toContain('KUBE-6-CLUSTER-IP dst,dst');
  });

  it('finds every scheduler that the configuration may name', async () => {
    const { programs } = node().ns;
    const probes = SCHEDULERS.flatMap((scheduler, i) =>
      ['192.0.2.1', '[2001:db8::1]'].map((address) => ({ scheduler, service: `-t ${address}:${9000 + i}` })),
    );
    const input = [
      ...probes.map(({ scheduler, service }) => `-A ${service} -s ${scheduler}`),
      ...probes.map(({ service }) => `-D ${service}`),
      '',
    ].join('\n');
    const result = await programs.run('ipvsadm', ['--restore'], { input });
    expect([result.code, result.stderr]).toEqual([0, '']);
    await checkIpvsSupport(programs, 'IPv4', 'sed');
    await expect(checkIpvsSupport(programs, 'IPv4', 'fastest')).rejects.toThrow("can't use the IPVS proxier");
    expect(await servers()).not.toContain('20000');
  });

  it('sets the sysctls of the node’s namespace', async () => {
    const names = ['conntrack', 'expire_nodest_conn', 'expire_quiescent_template'];
    const values = await node().ns.sh(`sysctl -n ${names.map((name) => `net.ipv4.vs.${name}`).join(' ')}`);
    expect(values.trim().split('\n')).toEqual(['1', '1', '1']);
  });

  it('admits the source ranges of a load balancer, and neither others nor the node', async () => {
    expect(await ask(lab.outside, 'tcp', LB, 80, 2)).toHaveLength(2);
    expect((await ask(lab.outside, 'tcp', LB, 80, 4)).map(({ server }) => server)).not.toContain('timeout');
    expect((await ask(client.ns, 'tcp', LB, 80)).map(({ server }) => server)).toEqual(['timeout']);
    expect((await ask(node().ns, 'tcp', LB, 80)).map(({ server }) => server)).toEqual(['timeout']);
  });

  it('lets a connection end after its endpoint has left, sends no new one there, then deletes the server', async () => {
    const connection = await openConnection(client.ns, HOLD, 80);
    expect(await connection.say('one')).toBe('one');
    await proxy.synced(() => proxy.endpoints('hold', holdPorts, [second]));
    expect(await servers()).toContain(`-a -t ${HOLD}:80 -r ${first.ip}:9090 -m -w 0`);
    expect(await connection.say('two')).toBe('two');
    const another = await openConnection(client.ns, HOLD, 80);
    expect(await another.say('three')).toBe('three');
    const entries = await node().ns.sh('ipvsadm --list --connection --numeric');
    const established = entries.split('\n').filter((line) => / ESTABLISHED .*10\.96\.0\.31:80 /.test(line));
    expect(established.map((line) => line.trim().split(/\s+/).at(-1)).sort()).toEqual(
      [`${first.ip}:9090`, `${second.ip}:9090`].sort(),
    );
    await connection.reset();
    await another.reset();
    await expectEventually(async () => !(await servers()).includes(`${first.ip}:9090`));
  });

  it('repairs within syncPeriod what somebody else removes', async () => {
    await proxy.start({ mode: 'ipvs', syncPeriod: '30s' });
    const damages = [
      `ipvsadm --delete-service --tcp-service ${VIP}:80`,
      `ip addr del ${VIP}/32 dev kube-ipvs0`,
      'ip link del kube-ipvs0',
      'iptables -t nat -F PREROUTING; iptables -t nat -F OUTPUT',
    ];
    for (const damage of damages) await proxy.synced(() => void node().ns.sh(damage));
    const answers = await ask(client.ns, 'tcp', VIP, 80, 4);
    expect(answers.map(({ server }) => server).sort()).toEqual(['first', 'first', 'second', 'second']);
    await proxy.start({ mode: 'ipvs' });
  });

  it('loses no connection while endpoints come and go and the proxy is restarted', async () => {
    const load = await constantLoad(client.ns, 'tcp', VIP, 80);
    const variants = [[first], [first, second], [second], [second, first]];
    for (let i = 0; i < 12; i++) {
      await proxy.synced(() => proxy.endpoints('web', webPorts, variants[i % variants.length]!));
    }
    await proxy.start({ mode: 'ipvs' });
    expect(failuresOf(await load.stop())).toEqual({});
  });

  // Not while endpoints leave: as upstream's, UDP servers go at once, with the answers that are on their way.
  it('loses no datagram while the proxy is restarted', async () => {
    const load = await constantLoad(client.ns, 'udp', VIP, 80);
    for (let i = 0; i < 3; i++) await proxy.start({ mode: 'ipvs' });
    expect(failuresOf(await load.stop())).toEqual({});
  });
});

function failuresOf({ first = 0, second = 0, ...failures }: Record<string, number>) {
  expect(first + second).toBeGreaterThan(0);
  return failures;
}

const PATIENCE_MS = 60_000;

async function expectEventually(check: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await check())) {
    if (Date.now() > end) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
