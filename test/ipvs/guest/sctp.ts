import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanupProxy } from '#proxy';
import { Lab, type LabPod, type Namespace } from '../../kernel/proxy-lab.js';
import { type ModeUnderTest, ProxyUnderTest } from './proxies.js';

const VIP = '10.96.0.20';
const NODE_PORT = 30_020;
const ports = [{ name: 'sctp', port: 8080, protocol: 'SCTP' }];

const modes: ModeUnderTest[] = [
  { mode: 'ipvs', backend: 'nft' },
  { mode: 'nftables' },
  { mode: 'iptables', backend: 'nft' },
  { mode: 'ipvs', backend: 'nft' },
  { mode: 'iptables', backend: 'legacy' },
];

/** What each mode leaves in the node's namespace while it is the one that runs. */
const TRACES: Record<string, RegExp> = {
  nftables: /table ip kubesvc-proxy/,
  iptables: /KSVC-SERVICES/,
  ipvs: /kube-ipvs0|KUBE-SERVICES|KUBE-CLUSTER-IP/,
};

/** Node has no SCTP sockets; socat has. Each answer is the server's name and the client that it saw. */
async function serveSctp(pod: LabPod): Promise<void> {
  await pod.ns.programs.spawn('socat', [
    'SCTP4-LISTEN:8080,fork,reuseaddr',
    `SYSTEM:echo ${pod.name} $SOCAT_PEERADDR`,
  ]);
}

async function askSctp(ns: Namespace, address: string, port: number): Promise<string> {
  return (await ns.sh(`socat -u SCTP4:${address}:${port},connect-timeout=3 - 2>&1 || true`)).trim();
}

async function askOften(ns: Namespace, address: string, port: number): Promise<string[]> {
  const answers = new Set<string>();
  for (let i = 0; i < 8; i++) answers.add(await askSctp(ns, address, port));
  return [...answers].sort();
}

describe('SCTP, and modes that follow each other on one node', () => {
  let lab: Lab;
  let proxy: ProxyUnderTest;
  let client: LabPod;
  let local: LabPod;
  let remote: LabPod;

  beforeAll(async () => {
    lab = await Lab.create();
    client = await lab.pod(0, 'client');
    local = await lab.pod(0, 'local');
    remote = await lab.pod(1, 'remote');
    await Promise.all([serveSctp(local), serveSctp(remote)]);
    proxy = new ProxyUnderTest(lab);
    proxy.service('assoc', VIP, {
      type: 'NodePort',
      ports: [{ name: 'sctp', port: 80, protocol: 'SCTP', nodePort: NODE_PORT }],
    });
    proxy.endpoints('assoc', ports, [local, remote]);
  });

  afterAll(async () => {
    await proxy?.stop();
    await lab?.destroy();
  });

  for (const under of modes) {
    it(`carries SCTP in ${under.mode} mode (${under.backend ?? 'its own tables'}), and nothing of other modes is left`, async () => {
      await proxy.start(under);
      expect(await askOften(client.ns, VIP, 80)).toEqual([`local ${client.ip}`, `remote ${client.ip}`]);
      const outside = await askOften(lab.outside, lab.nodes[0]!.ip, NODE_PORT);
      expect(outside.map((answer) => answer.split(' ')[0])).toEqual(['local', 'remote']);
      expect(outside.join()).not.toContain('172.30.0.100');
      // Taking over from the mode before ends with the process that does it.
      await proxy.stop();
      const state = await lab.nodes[0]!.ns.sh(
        'nft list ruleset; iptables-legacy-save 2>/dev/null; ip -o link show; ipset save',
      );
      for (const [mode, trace] of Object.entries(TRACES)) {
        if (mode === under.mode) expect(state).toMatch(trace);
        else expect(state).not.toMatch(trace);
      }
    });
  }

  it('has nothing left of any mode after the cleanup', async () => {
    await cleanupProxy(lab.nodes[0]!.ns.programs);
    const state = await lab.nodes[0]!.ns.sh(
      'nft list ruleset; iptables-legacy-save; ip -o link show; ipset save; ipvsadm --save --numeric',
    );
    for (const trace of Object.values(TRACES)) expect(state).not.toMatch(trace);
    expect(state).not.toMatch(/^-A -/m);
  });
});
