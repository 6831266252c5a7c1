import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab, type Lab, Resources, service, slice, texts } from './testing/lab.js';
import { recordTables, rowName, tableCorefile } from './testing/record-tables.js';
import { seed, ZONE } from './testing/sample-cluster.js';

describe.each(recordTables)('records of %s', (_title, options, rows) => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab(tableCorefile(options), seed);
  });
  afterAll(() => lab.stop());

  it.each(rows)('%s %s is %s %j, asked once and again', async (name, type, rcode, answers) => {
    const full = rowName(name);
    // The second answer comes from the kept replies: it must be the same.
    for (let i = 0; i < 2; i++) {
      const reply = await lab.ask(full, type);
      expect([reply.rcode, texts(reply.answers ?? [])]).toEqual([rcode, answers]);
      expect([reply.flag_aa, reply.flag_ra, reply.flag_rd, reply.flag_tc]).toEqual([
        true,
        false,
        true,
        false,
      ]);
      if (answers.length === 0) expect(texts(reply.authorities ?? [])[0]).toMatch(/^SOA /);
    }
  });
});

describe('names in any case', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab(tableCorefile(''), seed);
  });
  afterAll(() => lab.stop());

  it.each([
    ['SvC1.TeStNs.SvC.cLuStEr.LoCaL', 'A', ['A 10.0.0.1']],
    ['_HtTp._TcP.svc1.TESTNS.svc.CLUSTER.local', 'SRV', ['SRV 0 100 80 svc1.testns.svc.cluster.local']],
    ['EP1A.hdls1.testns.svc.Cluster.Local', 'A', ['A 172.0.0.2']],
    ['CLUSTER.LOCAL', 'NS', ['NS kube-dns.kube-system.svc.cluster.local']],
    ['1.0.0.10.IN-ADDR.ARPA', 'PTR', ['PTR svc1.testns.svc.cluster.local']],
  ])('%s %s is answered under the name as it was asked', async (name, type, answers) => {
    for (let i = 0; i < 2; i++) {
      const reply = await lab.ask(name, type);
      // Names that share the question's end share its spelling, too.
      expect(texts(reply.answers ?? []).map((t) => t.toLowerCase())).toEqual(
        answers.map((t) => t.toLowerCase()),
      );
      expect(reply.questions![0]!.name).toBe(name);
      expect(reply.answers!.map((a) => a.name)).toEqual(answers.map(() => name));
    }
  });
});

describe('other options of the kubernetes plugin', () => {
  const started: Lab[] = [];
  const lab = async (options: string, sync = true) => {
    const made = await createLab(tableCorefile(options), seed, { sync });
    started.push(made);
    return made;
  };
  afterAll(async () => {
    for (const each of started) await each.stop();
  });

  it('names endpoints after their Pods with endpoint_pod_names', async () => {
    const { client, answers } = await lab('endpoint_pod_names');
    client.seed(Resources.services, service('testns/named', []));
    client.seed(
      Resources.endpointSlices,
      slice('testns/named', [{ addresses: ['172.0.0.40'], targetRef: { kind: 'Pod', name: 'web-0' } }]),
    );
    await expect.poll(() => answers(`web-0.named.testns.svc.${ZONE}`, 'A')).toEqual(['A 172.0.0.40']);
  });

  it('answers absent names with SERVFAIL until the cluster has been listed', async () => {
    const { ask, kept } = await lab('', false);
    expect((await ask(`svc1.testns.svc.${ZONE}`, 'A')).rcode).toBe('SERVFAIL');
    expect(kept()).toBe(0);
  });

  it('has no endpoints with noendpoints', async () => {
    const { ask, answers } = await lab('noendpoints');
    expect((await ask(`hdls1.testns.svc.${ZONE}`, 'A')).rcode).toBe('NXDOMAIN');
    expect(await answers(`svc1.testns.svc.${ZONE}`, 'A')).toEqual(['A 10.0.0.1']);
  });

  it('ends an alias that leads to itself', async () => {
    const { ask } = await lab('');
    expect((await ask(`loop.testns.svc.${ZONE}`, 'A')).answers).toHaveLength(10);
  });

  it('gives the glue of NS and SRV as additional records', async () => {
    const { ask } = await lab('');
    expect(texts((await ask(ZONE, 'NS')).additionals ?? [])).toEqual(['A 10.0.0.10']);
    const srv = await ask(`_http._tcp.dual.testns.svc.${ZONE}`, 'SRV');
    expect(texts(srv.additionals ?? [])).toEqual(['A 10.0.0.3', 'AAAA 1234:abcd::3']);
  });
});
