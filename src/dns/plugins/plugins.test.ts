import packet from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMetrics, type Logger, silentLogger } from '#base';
import { createInformerFactory } from '#client';
import { FakeClient } from '#client/testing';
import { createDnsServer, explain } from '../index.js';
import {
  createLab,
  type Lab,
  namespace,
  pod,
  question,
  Resources,
  service,
  slice,
  texts,
} from '../testing/lab.js';
import { encodeQuestion } from '../wire/name.js';
import { type CacheOptions, createCache } from './cache.js';
import type { DnsRequest, Reply } from './plugin.js';

const ZONE = 'cluster.local';

function seed(client: FakeClient): void {
  client.seed(Resources.namespaces, namespace('shop'), namespace('tools'));
  client.seed(
    Resources.services,
    service('shop/web', ['10.0.0.1']),
    service('tools/ci', ['10.0.0.2']),
    service('shop/db', []),
  );
  client.seed(
    Resources.endpointSlices,
    slice('shop/db', [{ addresses: ['10.244.1.9'], conditions: { ready: false } }]),
  );
  client.seed(
    Resources.pods,
    pod('shop/client', '10.244.0.5'),
    pod('shop/host', '10.0.2.15', { hostNetwork: true }),
  );
}

async function lab(options: string): Promise<Lab> {
  return createLab(`.:53 {\n kubernetes ${ZONE} {\n pods verified\n ttl 30\n }\n ${options}\n}\n`, seed);
}

describe('loadbalance', () => {
  it('puts preferred addresses first, in any order, and the others behind them', async () => {
    const on = await lab('loadbalance round_robin {\n prefer 10.244.1.0/24 10.244.2.0/24\n }');
    const addresses = ['10.244.1.1', '10.244.2.1', '10.244.3.1', '10.244.4.1'];
    on.client.seed(
      Resources.endpointSlices,
      slice(
        'shop/db',
        addresses.map((a) => ({ addresses: [a] })),
      ),
    );
    const name = `db.shop.svc.${ZONE}`;
    await expect.poll(() => on.answers(name, 'A')).toHaveLength(4);
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const { answers = [] } = await on.ask(name, 'A');
      const order = answers.map((a) => (a as { data: string }).data.split('.')[2]);
      expect(order.slice(0, 2).sort()).toEqual(['1', '2']);
      seen.add(order.join(''));
    }
    expect(seen.size).toBe(4);
    await on.stop();
  });
});

describe('autopath', () => {
  let autopath: Lab;
  beforeAll(async () => {
    autopath = await lab('autopath @kubernetes');
  });
  afterAll(() => autopath.stop());
  const from = '10.244.0.5';

  it('finds in one query what the Pod’s search path would find, for both families alike', async () => {
    const name = `ci.tools.shop.svc.${ZONE}`;
    const a = await autopath.ask(name, 'A', { from });
    expect(texts(a.answers ?? [])).toEqual(['A 10.0.0.2', `CNAME ci.tools.svc.${ZONE}`]);
    const aaaa = await autopath.ask(name, 'AAAA', { from });
    expect([aaaa.rcode, aaaa.answers]).toEqual(['NOERROR', []]);
  });

  it('answers what was asked when the source is no Pod or one on the host’s network, also after a Pod has asked', async () => {
    for (const other of ['10.244.0.77', '10.0.2.15', from]) {
      const { rcode } = await autopath.ask(`ci.tools.shop.svc.${ZONE}`, 'A', { from: other });
      expect(rcode).toBe(other === from ? 'NOERROR' : 'NXDOMAIN');
    }
  });
});

describe('rewrite', () => {
  it.each([
    ['name exact www.test web.shop.svc.cluster.local', 'www.test', 'www.test A 10.0.0.1'],
    ['name prefix my- web. answer auto', 'my-shop.svc.cluster.local', 'my-shop.svc.cluster.local A 10.0.0.1'],
    ['name substring .in. .shop.svc. answer auto', 'web.in.cluster.local', 'web.in.cluster.local A 10.0.0.1'],
    ['name suffix .test. .shop.svc.cluster.local. answer auto', 'web.test', 'web.test A 10.0.0.1'],
    [
      'name regex (.*)\\.x\\.test {1}.shop.svc.cluster.local answer name (.*)\\.shop\\.svc\\.cluster\\.local {1}.x.test',
      'web.x.test',
      'web.x.test A 10.0.0.1',
    ],
    ['type AAAA A', 'web.shop.svc.cluster.local', undefined],
  ])('%s is undone in answers', async (rule, name, expected) => {
    const rewriting = await lab(`rewrite ${rule}`);
    const reply = await rewriting.ask(name, expected === undefined ? 'AAAA' : 'A');
    const [record] = (reply.answers ?? []) as { name: string; type: string; data: string }[];
    expect(reply.questions![0]!.name).toBe(name);
    if (expected === undefined) expect(record).toMatchObject({ type: 'A' });
    else expect(`${record!.name} ${record!.type} ${record!.data}`).toBe(expected);
    await rewriting.stop();
  });

  it('continues to the next rule only when told to, and changes TTLs and codes', async () => {
    const chained = await lab(
      'rewrite continue name exact a.test b.test\nrewrite name exact b.test web.shop.svc.cluster.local\nrewrite ttl web.shop.svc.cluster.local 7\nrewrite rcode exact gone.cluster.local NXDOMAIN NOERROR',
    );
    expect(texts((await chained.ask('a.test', 'A')).answers ?? [])).toEqual(['A 10.0.0.1']);
    expect((await chained.ask('web.shop.svc.cluster.local', 'A')).answers).toMatchObject([{ ttl: 7 }]);
    expect((await chained.ask('gone.cluster.local', 'A')).rcode).toBe('NOERROR');
    await chained.stop();
  });
});

describe('bufsize', () => {
  it('bounds the EDNS size that is believed', async () => {
    const bounded = await lab('bufsize 512');
    const many = Array.from({ length: 100 }, (_, i) => ({ addresses: [`10.1.0.${i + 1}`] }));
    bounded.client.seed(Resources.services, service('shop/many', []));
    bounded.client.seed(Resources.endpointSlices, slice('shop/many', many));
    const asked = () => bounded.raw(question(`many.shop.svc.${ZONE}`, 'A', { udpPayloadSize: 4096 }));
    await expect.poll(async () => packet.decode((await asked())!).flag_tc).toBe(true);
    expect((await asked())!.length).toBeLessThanOrEqual(512);
    await bounded.stop();
  });
});

describe('cache', () => {
  const limits = { capacity: 1024, maxTtlS: 30, minTtlS: 5, disabled: [] };
  const options: CacheOptions = {
    zones: [[]],
    success: { ...limits },
    denial: { ...limits },
    servfailS: 5,
    prefetch: 0,
    prefetchGapS: 60,
    prefetchPercent: 10,
    staleS: 0,
    verifyStale: false,
    keepTtl: false,
  };
  const request: DnsRequest = {
    query: {
      id: 1,
      flags: 0,
      opcode: 0,
      labels: ['a'],
      type: 1,
      class: 1,
      question: encodeQuestion(['a'], 1, 1),
    },
    labels: ['a'],
    protocol: 'udp',
    remoteAddress: '127.0.0.1',
    remotePort: 1,
    localAddress: '127.0.0.1',
    size: 20,
    zone: '.',
    onSent: [],
    depth: 0,
  };
  /** A cache before an upstream that counts, at a time that the test sets. */
  function cached(changes: Partial<CacheOptions>, ttl = 20) {
    const time = { now: 1e12 };
    const upstream = { asked: 0, fails: false };
    const plugin = createCache({ ...options, ...changes }, createMetrics(), () => time.now);
    const next = async (): Promise<Reply> => {
      upstream.asked++;
      const message = packet.encode({
        type: 'response',
        id: 1,
        flags: upstream.fails ? 2 : 0,
        questions: [{ type: 'A', name: 'a' }],
        answers: upstream.fails ? [] : [{ type: 'A', name: 'a', ttl, data: '192.0.2.1' }],
      });
      return { kind: 'message', message };
    };
    const ask = async (afterS = 0) => {
      time.now += afterS * 1000;
      const reply = await plugin.handle(request, next);
      if (reply.kind !== 'message') throw new Error('not a message');
      const [record] = (packet.decode(reply.message).answers ?? []) as { ttl: number }[];
      return record?.ttl;
    };
    return { ask, upstream };
  }

  it('counts TTLs down and asks again when they are over', async () => {
    const { ask, upstream } = cached({});
    expect([await ask(), await ask(8), await ask(11), upstream.asked]).toEqual([20, 12, 1, 1]);
    await ask(1);
    expect(upstream.asked).toBe(2);
  });

  it('keeps TTL 0 for the floor of five seconds, and nothing longer than its maximum', async () => {
    const zero = cached({}, 0);
    await zero.ask();
    expect([await zero.ask(4), zero.upstream.asked]).toEqual([1, 1]);
    const day = cached({}, 86_400);
    await day.ask();
    expect(await day.ask(1)).toBe(29);
  });

  it('serves expired answers with TTL 0 and refreshes behind them', async () => {
    const { ask, upstream } = cached({ staleS: 3600 });
    await ask();
    expect([await ask(100), upstream.asked]).toEqual([0, 2]);
    await Promise.resolve();
    expect(await ask(1)).toBe(19);
  });

  it('verifies first when told to, and falls back to the expired answer', async () => {
    const { ask, upstream } = cached({ staleS: 3600, verifyStale: true });
    await ask();
    expect(await ask(100)).toBe(20);
    upstream.fails = true;
    expect(await ask(100)).toBe(0);
  });

  it('refreshes popular answers before they expire', async () => {
    const { ask, upstream } = cached({ prefetch: 2 });
    await ask();
    await ask(1);
    expect(upstream.asked).toBe(1);
    expect([await ask(18), upstream.asked]).toEqual([1, 2]);
    await Promise.resolve();
    expect(await ask(3)).toBeGreaterThan(10);
  });

  it('keeps a failure for five seconds, and disabled zones not at all', async () => {
    const failing = cached({});
    failing.upstream.fails = true;
    await failing.ask();
    await failing.ask(4);
    expect(failing.upstream.asked).toBe(1);
    await failing.ask(2);
    expect(failing.upstream.asked).toBe(2);
    const disabled = cached({ success: { ...limits, disabled: [['a']] } });
    await disabled.ask();
    await disabled.ask();
    expect(disabled.upstream.asked).toBe(2);
  });
});

describe('loop, log and errors', () => {
  it('keep the cluster zone served and say why external names fail when forward leads back here', async () => {
    const port = 20_063;
    const lines: string[] = [];
    const logger: Logger = { ...silentLogger, info: (m) => lines.push(m), error: (m) => lines.push(m) };
    const client = new FakeClient();
    seed(client);
    const informers = createInformerFactory(client, { logger: silentLogger });
    const corefile = `.:${port} {\n bind 127.0.0.1\n errors\n log . "{name} {type} {rcode}"\n loop\n kubernetes ${ZONE}\n forward . 127.0.0.1:${port}\n}`;
    const server = createDnsServer({ corefile }, { informers, logger, metrics: createMetrics() });
    await server.start();
    try {
      await expect
        .poll(() => lines.some((l) => l.startsWith('Loop detected')), { timeout: 10_000 })
        .toBe(true);
      expect(lines.some((l) => / HINFO SERVFAIL$/.test(l))).toBe(true);
      expect(lines.some((l) => l.includes('HINFO: an upstream leads back to this server'))).toBe(true);
    } finally {
      await server.stop();
    }
  });
});

describe('explain', () => {
  it('walks the search path of a Pod and names the objects behind each answer', async () => {
    const client = new FakeClient();
    seed(client);
    const ask = async (name: string) => {
      const informers = createInformerFactory(client, { logger: silentLogger });
      const options = { name, corefile: `. {\n kubernetes ${ZONE}\n}`, clusterDomain: ZONE };
      const deps = { informers, logger: silentLogger, signal: AbortSignal.timeout(5_000) };
      return explain({ ...options, pod: pod('shop/client', '10.244.0.5') }, deps).finally(() =>
        informers.stop(),
      );
    };
    const found = await ask('ci.tools');
    expect(found.steps.map((s) => [s.name, s.rcode])).toEqual([
      [`ci.tools.shop.svc.${ZONE}.`, 'NXDOMAIN'],
      [`ci.tools.svc.${ZONE}.`, 'NOERROR'],
    ]);
    expect(found.steps[0]!.why).toEqual(['there is no Service tools in namespace shop']);
    expect(found.steps[1]!.records).toEqual([`ci.tools.svc.${ZONE}. 5 IN A 10.0.0.2`]);
    const missing = await ask(`db.shop.svc.${ZONE}.`);
    expect(missing).toMatchObject({ found: false, steps: [{ rcode: 'NXDOMAIN' }] });
    expect(missing.steps[0]!.why).toContain('EndpointSlice db-a: 0 of 1 endpoints ready');
  });
});
