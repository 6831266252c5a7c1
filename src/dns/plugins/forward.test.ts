import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packet from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate } from '#base';
import { answer, type Behaviour, FakeUpstream } from '../testing/fake-upstream.js';
import { createLab, external, type Lab, namespace, Resources, texts } from '../testing/lab.js';

const silent: Behaviour = () => [];
const refusing: Behaviour = (query) => [answer(query, { rcode: 2 })];

describe('forward', () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  async function upstream(behaviour?: Behaviour, tls?: { cert: string; key: string }): Promise<FakeUpstream> {
    const made = await new FakeUpstream(behaviour, tls).start();
    stops.push(() => made.stop());
    return made;
  }
  async function lab(to: FakeUpstream[], options = '', more = ''): Promise<Lab> {
    const addresses = to.map((u) => u.address).join(' ');
    const made = await createLab(`.:53 {\n forward . ${addresses} {\n${options}\n}\n${more}\n}\n`, () => {});
    stops.push(() => made.stop());
    return made;
  }
  const ask = (on: Lab, name: string, more: object = {}) => on.ask(name, 'A', { waitMs: 8_000, ...more });
  const names = (of: FakeUpstream) => of.asked.map((a) => a.split(' ')[1]);

  it('asks in turn with round_robin, the first with sequential, and any with random', async () => {
    const [a, b] = [await upstream(), await upstream()];
    const turns = await lab([a, b], 'policy round_robin');
    for (let i = 0; i < 6; i++) await ask(turns, `r${i}.test`);
    expect([names(a), names(b)]).toEqual([
      ['r0.test', 'r2.test', 'r4.test'],
      ['r1.test', 'r3.test', 'r5.test'],
    ]);
    const first = await lab([a, b], 'policy sequential');
    for (let i = 0; i < 4; i++) await ask(first, `s${i}.test`);
    expect(names(a).slice(3)).toEqual(['s0.test', 's1.test', 's2.test', 's3.test']);
    const any = await lab([a, b], 'policy random');
    const before = [a.asked.length, b.asked.length];
    for (let i = 0; i < 40; i++) await ask(any, `a${i}.test`);
    expect(a.asked.length).toBeGreaterThan(before[0]!);
    expect(b.asked.length).toBeGreaterThan(before[1]!);
  });

  it.each([
    ['', 'udp', 'udp'],
    ['', 'tcp', 'tcp'],
    ['force_tcp', 'udp', 'tcp'],
    ['prefer_udp', 'tcp', 'udp'],
    ['prefer_udp', 'udp', 'udp'],
  ] as const)('with %j answers %s by asking over %s', async (option, protocol, transport) => {
    const up = await upstream();
    const reply = await ask(await lab([up], option), 'x.test', { protocol });
    expect(texts(reply.answers!)).toEqual(['A 192.0.2.1']);
    expect(up.asked).toEqual([`${transport} x.test`]);
  });

  it('passes TC on to clients over UDP, and asks again over TCP for others', async () => {
    const up = await upstream((query, _m, transport) => [
      answer(query, transport === 'udp' ? { flags: packet.TRUNCATED_RESPONSE } : { ip: '192.0.2.9' }),
    ]);
    const on = await lab([up], 'prefer_udp');
    expect((await ask(on, 'x.test')).flag_tc).toBe(true);
    const whole = await ask(on, 'x.test', { protocol: 'tcp' });
    expect([whole.flag_tc, texts(whole.answers!)]).toEqual([false, ['A 192.0.2.9']]);
  });

  it('marks an alias whose target came truncated', async () => {
    const up = await upstream((query) => [answer(query, { flags: packet.TRUNCATED_RESPONSE })]);
    const corefile = `.:53 {\n kubernetes cluster.local\n forward . ${up.address}\n}\n`;
    const on = await createLab(corefile, (client) => {
      client.seed(Resources.namespaces, namespace('default'));
      client.seed(Resources.services, external('default/away', 'ext.test'));
    });
    stops.push(() => on.stop());
    const reply = await ask(on, 'away.default.svc.cluster.local');
    expect([reply.flag_tc, texts(reply.answers!)]).toEqual([true, ['A 192.0.2.1', 'CNAME ext.test']]);
  });

  it('leaves what is excepted to the next plugin', async () => {
    const up = await upstream();
    const on = await lab([up], 'except private.test');
    expect((await ask(on, 'a.private.test')).rcode).toBe('SERVFAIL');
    expect((await ask(on, 'a.public.test')).rcode).toBe('NOERROR');
    expect(names(up)).toEqual(['a.public.test']);
  });

  it('refuses more queries at once than max_concurrent', async () => {
    const up = await upstream(silent);
    const on = await lab([up], 'max_concurrent 2');
    const waiting = [ask(on, 'a.test'), ask(on, 'b.test')];
    await expect.poll(() => up.asked.length).toBeGreaterThanOrEqual(2);
    expect((await ask(on, 'c.test')).rcode).toBe('REFUSED');
    expect(await on.metric('coredns_forward_max_concurrent_rejects_total')).toBe(1);
    up.behaviour = (query) => [answer(query)];
    // The next attempts are answered.
    for (const reply of await Promise.all(waiting)) expect(reply.rcode).toBe('NOERROR');
    expect((await ask(on, 'd.test')).rcode).toBe('NOERROR');
  });

  it('tries another upstream after the codes of failover, and the next plugin after those of next', async () => {
    const [bad, good] = [await upstream(refusing), await upstream()];
    const over = await lab([bad, good], 'policy sequential\nfailover SERVFAIL REFUSED');
    expect(texts((await ask(over, 'x.test')).answers!)).toEqual(['A 192.0.2.1']);
    const missing = await upstream((query) => [answer(query, { rcode: 3 })]);
    const on = await lab([missing], 'next NXDOMAIN', `forward . ${good.address}`);
    expect((await ask(on, 'y.test')).rcode).toBe('NOERROR');
    const plain = await lab([bad, good], 'policy sequential');
    expect((await ask(plain, 'z.test')).rcode).toBe('SERVFAIL');
  });

  it('takes an upstream out after max_fails, probes it, and takes it back when it answers', async () => {
    const [flaky, good] = [await upstream(), await upstream()];
    const on = await lab([flaky, good], 'policy sequential\nmax_fails 2\nhealth_check 20ms');
    await flaky.stop();
    // Refused on loopback: each of these fails at once and is answered by the other.
    for (let i = 0; i < 3; i++) expect((await ask(on, `f${i}.test`)).rcode).toBe('NOERROR');
    await expect
      .poll(() => on.metric('coredns_proxy_healthcheck_failures_total', flaky.address))
      .toBeGreaterThan(0);
    expect(names(good)).toEqual(['f0.test', 'f1.test', 'f2.test']);
    await flaky.start();
    await expect.poll(() => flaky.probes).toBeGreaterThan(0);
    await expect
      .poll(async () => {
        await ask(on, 'back.test');
        return flaky.asked.length;
      })
      .toBeGreaterThan(0);
    const probes = flaky.probes;
    for (let i = 0; i < 5; i++) await ask(on, `g${i}.test`);
    expect(flaky.probes).toBe(probes);
  });

  it('asks one anyway when all are down, or fails at once when told to', async () => {
    const dead = await upstream();
    await dead.stop();
    const on = await lab([dead], 'max_fails 1\nhealth_check 1s');
    expect((await ask(on, 'a.test')).rcode).toBe('SERVFAIL');
    await dead.start();
    expect((await ask(on, 'b.test')).rcode).toBe('NOERROR');
    expect(await on.metric('coredns_forward_healthcheck_broken_total')).toBeGreaterThan(0);
    const fast = await lab([dead], 'max_fails 1\nhealth_check 1s\nfailfast_all_unhealthy_upstreams');
    await dead.stop();
    expect((await ask(fast, 'c.test')).rcode).toBe('SERVFAIL');
    await dead.start();
    expect((await ask(fast, 'd.test')).rcode).toBe('SERVFAIL');
    expect(names(dead)).toEqual(['b.test']);
  });

  it('answers every query although the first datagrams of most are lost', async () => {
    const seen = new Map<string, number>();
    const lossy: Behaviour = (query) => {
      const { name } = query.questions![0]!;
      const times = (seen.get(name) ?? 0) + 1;
      seen.set(name, times);
      return times > Number(/\d+/.exec(name)![0]) % 3 ? [answer(query)] : [];
    };
    const on = await lab([await upstream(lossy), await upstream(lossy)], 'max_fails 0');
    const replies = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(on, `l${i}.test`)));
    expect(replies.map((r) => r.rcode)).toEqual(replies.map(() => 'NOERROR'));
    expect(seen.get('l1.test')).toBeGreaterThanOrEqual(2);
    expect(seen.get('l2.test')).toBeGreaterThanOrEqual(3);
  });

  it('believes only the answer with its own id and question', async () => {
    const up = await upstream((query) => [
      answer({ ...query, id: (query.id! + 1) & 0xffff }, { ip: '203.0.113.1' }),
      answer({ ...query, questions: [{ type: 'A', name: 'other.test' }] }, { ip: '203.0.113.2' }),
      answer(query),
    ]);
    const on = await lab([up]);
    expect(texts((await ask(on, 'x.test')).answers!)).toEqual(['A 192.0.2.1']);
  });

  it('keeps one connection for many queries, and replaces one that was closed', async () => {
    const up = await upstream();
    const on = await lab([up], 'force_tcp');
    await ask(on, 'a.test');
    await Promise.all(['b', 'c', 'd'].map((name) => ask(on, `${name}.test`)));
    expect(up.connections).toBe(1);
    expect(await on.metric('coredns_proxy_conn_cache_hits_total', up.address)).toBe(3);
    up.disconnect();
    expect((await ask(on, 'e.test')).rcode).toBe('NOERROR');
    expect(up.connections).toBe(2);
  });

  it('closes a kept connection after expire', async () => {
    const up = await upstream();
    const on = await lab([up], 'force_tcp\nexpire 20ms');
    await ask(on, 'a.test');
    await expect
      .poll(async () => {
        await new Promise((resolve) => setTimeout(resolve, 40));
        await ask(on, 'b.test');
        return up.connections;
      })
      .toBeGreaterThan(1);
  });

  it('asks over TLS, and trusts only the name and the authority that it is told', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'kubesvc-dot-'));
    stops.push(async () => rmSync(directory, { recursive: true, force: true }));
    const authority = await createAuthority('dot');
    const { certificate, key } = await issueCertificate(authority, {
      commonName: 'dns.test',
      dnsNames: ['dns.test'],
      usages: ['server'],
    });
    const ca = join(directory, 'ca.crt');
    writeFileSync(ca, authority.certificate);
    const up = await upstream(undefined, { cert: certificate, key });
    const over = async (options: string) => {
      const made = await createLab(`.:53 {\n forward . tls://${up.address} {\n${options}\n}\n}\n`, () => {});
      stops.push(() => made.stop());
      return made;
    };
    const trusted = await over(`tls ${ca}\ntls_servername dns.test`);
    expect((await ask(trusted, 'x.test')).rcode).toBe('NOERROR');
    expect(up.asked).toEqual(['tcp x.test']);
    expect((await ask(await over(`tls ${ca}\ntls_servername other.test`), 'y.test')).rcode).toBe('SERVFAIL');
    expect((await ask(await over('tls_servername dns.test'), 'z.test')).rcode).toBe('SERVFAIL');
    expect(up.asked).toEqual(['tcp x.test']);
  });
});
