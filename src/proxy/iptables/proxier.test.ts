import { describe, expect, it } from 'vitest';
import { FakeClock, silentLogger } from '#base';
import type { NodeSettings } from '../contract.js';
import { DesiredState } from '../state/desired-state.js';
import { TestCluster } from '../testing/cluster.js';
import { changesOf } from '../testing/convergence.js';
import { testSettings } from '../testing/flows.js';
import { IptablesPrograms } from '../testing/iptables-programs.js';
import { makeService, makeSlice, NODE_NAME } from '../testing/objects.js';
import { COUNTED } from './base.js';
import { cleanupUpstreamIptables, IptablesProxier } from './proxier.js';

const options = {
  family: 'IPv4' as const,
  topology: { nodeName: NODE_NAME, zone: undefined },
  algorithm: 'random' as const,
};
const PERIOD = 30_000;

async function fixture(settings: Partial<NodeSettings> = {}) {
  const programs = new IptablesPrograms();
  const clock = new FakeClock();
  const proxier = new IptablesProxier({
    family: 'IPv4',
    programs,
    logger: silentLogger,
    clock,
    syncPeriodMs: PERIOD,
  });
  const cluster = new TestCluster();
  for (let n = 1; n <= 50; n++) {
    cluster.add(makeService(`s${n}`, `172.30.0.${n}`), makeSlice(`s${n}`, [{ ip: `10.180.0.${n}` }]));
  }
  const state = new DesiredState('IPv4', cluster);
  const resync = () => proxier.resync(state.recomputeAll(options), testSettings(settings));
  await resync();
  const sync = async (...keys: string[]) => {
    await proxier.apply(changesOf(state, keys, options));
    return programs.restored.at(-1)!.trimEnd().split('\n');
  };
  return { programs, clock, proxier, cluster, resync, sync };
}

describe('ruleCounts', () => {
  it('tells how many rules there are, and how many the last sync wrote', async () => {
    const { programs, proxier, cluster, sync } = await fixture();
    const rules = (text: string, table: string) =>
      (new RegExp(`\\*${table}\n([\\s\\S]*?)COMMIT`).exec(text)?.[1] ?? '').match(/^-[AI] /gm)?.length ?? 0;
    const [first] = programs.restored;
    const before = proxier.ruleCounts();
    expect(before).toEqual(
      ['nat', 'filter'].map((table) => ({ table, total: rules(first!, table), last: rules(first!, table) })),
    );
    cluster.add(makeSlice('s7', [{ ip: '10.181.0.7' }, { ip: '10.181.0.8' }]));
    await sync('ns/s7');
    const [nat, filter] = proxier.ruleCounts();
    expect(nat!.total).toBe(before[0]!.total + 3);
    expect(nat!.last).toBe(rules(programs.restored.at(-1)!, 'nat'));
    expect(filter).toEqual({ ...before[1], last: 0 });
  });
});

describe('source hash', () => {
  const hashed = () => {
    const service = makeService('hashed', '172.30.1.1');
    service.metadata.annotations = { 'kubesvc.dev/load-balancing': 'source-hash' };
    return [service, makeSlice('hashed', [{ ip: '10.180.1.1' }, { ip: '10.180.1.2' }])] as const;
  };

  it('is left to xt_cluster, which is asked for once', async () => {
    const { programs, cluster, sync } = await fixture();
    cluster.add(...hashed());
    const lines = await sync('ns/hashed');
    expect(
      lines.filter((line) => line.includes('--cluster-total-nodes 2 --cluster-local-node 1')),
    ).toHaveLength(1);
    expect(programs.restored.filter((text) => text.includes('-A KSVC-PROBE'))).toHaveLength(1);
    cluster.add(makeSlice('hashed', [{ ip: '10.180.1.1' }, { ip: '10.180.1.2' }, { ip: '10.180.1.3' }]));
    expect((await sync('ns/hashed')).filter((line) => line.includes('--cluster-total-nodes 3'))).toHaveLength(
      2,
    );
    expect(programs.restored.filter((text) => text.includes('-A KSVC-PROBE'))).toHaveLength(1);
  });

  it('becomes a random choice on a kernel without it, instead of failing every sync', async () => {
    const { programs, cluster, sync } = await fixture();
    const run = programs.onRun!;
    programs.onRun = (call) =>
      call.input.includes('-m cluster') ? { code: 2, stderr: "Couldn't load match `cluster'" } : run(call);
    cluster.add(...hashed());
    const lines = await sync('ns/hashed');
    expect(lines.join('\n')).toContain('--mode random --probability 0.5');
    expect(lines.join('\n')).not.toContain('-m cluster');
  });
});

describe('a partial sync', () => {
  it('writes a list and its new endpoint when an endpoint is replaced, and no chain of any other Service', async () => {
    const { cluster, sync } = await fixture();
    cluster.add(makeSlice('s7', [{ ip: '10.181.0.7' }]));
    const lines = await sync('ns/s7');
    expect(lines.filter((line) => line.startsWith(':'))).toHaveLength(3);
    expect(lines.join('\n')).not.toMatch(/:KSVC-(SERVICES|NODEPORTS|FORWARD|POSTROUTING)|\*filter/);
    expect(lines.filter((line) => line.startsWith('-X KSVC-SEP-'))).toHaveLength(1);
  });

  it('writes only the shared chains that list the Service when it loses its endpoints', async () => {
    const { cluster, sync } = await fixture();
    cluster.slicesByName.delete('ns/s7-1');
    const lines = await sync('ns/s7');
    const shared = lines.filter((line) => /^:KSVC-[A-Z-]{5,} /.test(line) && !/-(SVC|SEP)-/.test(line));
    expect(shared).toEqual([':KSVC-SERVICES - [0:0]', ':KSVC-SERVICES - [0:0]']);
  });

  it('writes nothing when nothing changed', async () => {
    const { programs, sync } = await fixture();
    const before = programs.restored.length;
    await sync('ns/s1', 'ns/s2');
    expect(programs.restored).toHaveLength(before);
  });
});

describe('packet counters', () => {
  const invalid = `KSVC-FORWARD -m comment --comment "${COUNTED.invalid}" -m conntrack --ctstate INVALID -j DROP`;
  const asked = `KSVC-LOCALHOST -m comment --comment "${COUNTED.asked}" -j KSVC-NODEPORTS`;
  const unanswered = `KSVC-LOCALHOST -m comment --comment "${COUNTED.unanswered}"`;

  it('tell what has come since the last reading', async () => {
    const { programs, proxier } = await fixture({ localhostNodePorts: true });
    programs.packets.set(invalid, 5);
    programs.packets.set(asked, 9);
    programs.packets.set(unanswered, 2);
    expect(await proxier.packetCounts()).toEqual({ invalidDropped: 5, localhostAccepted: 7 });
    programs.packets.set(invalid, 6);
    expect(await proxier.packetCounts()).toEqual({ invalidDropped: 1, localhostAccepted: 0 });
  });

  it('lose nothing when a full sync sets the kernel’s to zero', async () => {
    const { programs, proxier, resync } = await fixture();
    programs.packets.set(invalid, 5);
    await resync();
    programs.packets.set(invalid, 2);
    expect((await proxier.packetCounts()).invalidDropped).toBe(7);
  });
});

describe('watching', () => {
  it('notices within the period that the jumps to our chains are gone', async () => {
    const { programs, clock, proxier } = await fixture();
    const changed: string[] = [];
    const noticed = new Promise<void>((resolve) => {
      void proxier.watchForeignChanges((what) => {
        changed.push(what);
        resolve();
      });
    });
    await new Promise((resolve) => setImmediate(resolve));
    programs.tables.iptables.restore('*filter\n:FORWARD - [0:0]\nCOMMIT\n');
    clock.advance(PERIOD);
    await noticed;
    expect(changed[0]).toMatch(/^FORWARD .* is gone$/);
  });
});

describe('cleanup of an upstream kube-proxy', () => {
  it('takes its chains and the jumps to them, and leaves what it shares with others', async () => {
    const programs = new IptablesPrograms();
    programs.tables.iptables.restore(
      [
        '*filter',
        ':KUBE-SERVICES - [0:0]',
        ':KUBE-FIREWALL - [0:0]',
        '-A KUBE-FIREWALL -j DROP',
        '-I OUTPUT 1 -j KUBE-FIREWALL',
        '-I OUTPUT 1 -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        'COMMIT',
        '*nat',
        ':KUBE-SERVICES - [0:0]',
        ':KUBE-SVC-ABCDEFGHIJKLMNOP - [0:0]',
        ':KUBE-MARK-MASQ - [0:0]',
        '-A KUBE-SERVICES -j KUBE-SVC-ABCDEFGHIJKLMNOP',
        '-A KUBE-SVC-ABCDEFGHIJKLMNOP -j KUBE-MARK-MASQ',
        '-I PREROUTING 1 -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        'COMMIT',
      ].join('\n'),
    );
    expect(await cleanupUpstreamIptables(programs, 'IPv4')).toBe(true);
    const left = [...programs.tables.iptables.chains].filter(
      ([name, rules]) => / KUBE-/.test(name) || rules.length,
    );
    expect(Object.fromEntries(left)).toEqual({
      'filter KUBE-FIREWALL': ['-j DROP'],
      'filter OUTPUT': ['-j KUBE-FIREWALL'],
      'nat KUBE-MARK-MASQ': [],
    });
    expect(await cleanupUpstreamIptables(programs, 'IPv4')).toBe(false);
  });
});
