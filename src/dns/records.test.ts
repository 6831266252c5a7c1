import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab, type Lab, Resources, service, slice, texts } from './testing/lab.js';
import { seed, V6, ZONE } from './testing/sample-cluster.js';

function corefile(options: string): string {
  return `.:53 {\n kubernetes ${ZONE} in-addr.arpa ip6.arpa {\n ttl 30\n ${options}\n }\n}\n`;
}

type Row = [name: string, type: string, rcode: string, answers: string[]];

const services: Row[] = [
  ['svc1.testns.svc', 'A', 'NOERROR', ['A 10.0.0.1']],
  ['svc1.testns.svc', 'AAAA', 'NOERROR', []],
  ['svc6.testns.svc', 'AAAA', 'NOERROR', [`AAAA ${V6}`]],
  ['svc6.testns.svc', 'A', 'NOERROR', []],
  ['dual.testns.svc', 'A', 'NOERROR', ['A 10.0.0.3']],
  ['dual.testns.svc', 'AAAA', 'NOERROR', ['AAAA 1234:abcd::3']],
  ['empty.testns.svc', 'A', 'NOERROR', ['A 10.0.0.7']],
  ['svc1.other.svc', 'A', 'NOERROR', ['A 10.0.1.1']],
  ['bogus.testns.svc', 'A', 'NXDOMAIN', []],
  ['svc1.bogusns.svc', 'A', 'NXDOMAIN', []],
  ['*.testns.svc', 'A', 'NXDOMAIN', []],
  ['*.*.svc', 'A', 'NXDOMAIN', []],
  ['_http._tcp.svc1.testns.svc', 'SRV', 'NOERROR', [`SRV 0 100 80 svc1.testns.svc.${ZONE}`]],
  ['http.tcp.svc1.testns.svc', 'SRV', 'NOERROR', [`SRV 0 100 80 svc1.testns.svc.${ZONE}`]],
  ['_http._tcp.dual.testns.svc', 'SRV', 'NOERROR', [`SRV 0 50 80 dual.testns.svc.${ZONE}`]],
  ['_http._udp.svc1.testns.svc', 'SRV', 'NXDOMAIN', []],
  ['_nope._tcp.svc1.testns.svc', 'SRV', 'NXDOMAIN', []],
  ['_*._*.svc1.testns.svc', 'SRV', 'NXDOMAIN', []],
  ['svc1.testns.svc', 'SRV', 'NOERROR', [`SRV 0 100 80 svc1.testns.svc.${ZONE}`]],
  [
    'multi.testns.svc',
    'SRV',
    'NOERROR',
    [`SRV 0 50 80 multi.testns.svc.${ZONE}`, `SRV 0 50 9090 multi.testns.svc.${ZONE}`],
  ],
  ['unnamed.testns.svc', 'SRV', 'NOERROR', [`SRV 0 100 53 unnamed.testns.svc.${ZONE}`]],
  ['noports.testns.svc', 'A', 'NOERROR', ['A 10.0.0.4']],
  ['noports.testns.svc', 'SRV', 'NOERROR', []],
  ['_http._tcp.noports.testns.svc', 'SRV', 'NXDOMAIN', []],
  ['_http._tcp.svc1.testns.svc', 'A', 'NOERROR', ['A 10.0.0.1']],
  ['ep1.svc1.testns.svc', 'A', 'NOERROR', ['A 172.0.0.1']],
  ['172-0-0-1.svc1.testns.svc', 'A', 'NXDOMAIN', []],
  ['svc1.testns.svc', 'TXT', 'NOERROR', []],
  ['svc1.testns.svc', 'MX', 'NOERROR', []],
  ['svc1.testns.svc', 'NS', 'NOERROR', []],
  ['svc1.testns.svc', 'SOA', 'NOERROR', []],
  ['svc1.testns.svc', 'ANY', 'NOERROR', []],
  ['svc1.testns.svc', 'CNAME', 'NOERROR', []],
  ['svc0.testns.svc', 'TXT', 'NXDOMAIN', []],
  ['svc0.testns.svc', 'SOA', 'NXDOMAIN', []],
  ['svc1.testns.pod', 'A', 'NXDOMAIN', []],
  ['svc1.testns.notsvc', 'A', 'NXDOMAIN', []],
  ['a.b.c.d.svc1.testns.svc', 'A', 'NXDOMAIN', []],
];

const headless: Row[] = [
  ['hdls1.testns.svc', 'A', 'NOERROR', ['A 172.0.0.2', 'A 172.0.0.3', 'A 172.0.0.5']],
  ['hdls1.testns.svc', 'AAAA', 'NOERROR', []],
  ['hdls6.testns.svc', 'AAAA', 'NOERROR', ['AAAA 5678:abcd::1', 'AAAA fd00::']],
  ['hdlsdual.testns.svc', 'A', 'NOERROR', ['A 172.0.0.6']],
  ['hdlsdual.testns.svc', 'AAAA', 'NOERROR', ['AAAA 5678:abcd::6']],
  ['hdlsnone.testns.svc', 'A', 'NXDOMAIN', []],
  ['hdlsnone.testns.svc', 'TXT', 'NXDOMAIN', []],
  ['hdlsprtls.testns.svc', 'A', 'NOERROR', ['A 172.0.0.20']],
  ['hdlsprtls.testns.svc', 'SRV', 'NOERROR', []],
  ['_http._tcp.hdlsprtls.testns.svc', 'SRV', 'NXDOMAIN', []],
  ['ep1a.hdls1.testns.svc', 'A', 'NOERROR', ['A 172.0.0.2']],
  ['172-0-0-3.hdls1.testns.svc', 'A', 'NOERROR', ['A 172.0.0.3']],
  ['172-0-0-2.hdls1.testns.svc', 'A', 'NXDOMAIN', []],
  ['172-0-0-4.hdls1.testns.svc', 'A', 'NXDOMAIN', []],
  ['5678-abcd--1.hdls6.testns.svc', 'AAAA', 'NOERROR', ['AAAA 5678:abcd::1']],
  ['fd00--0.hdls6.testns.svc', 'AAAA', 'NOERROR', ['AAAA fd00::']],
  ['twin.samehost.testns.svc', 'A', 'NOERROR', ['A 172.0.0.30', 'A 172.0.0.31']],
  [
    '_http._tcp.hdls1.testns.svc',
    'SRV',
    'NOERROR',
    [
      `SRV 0 33 8080 172-0-0-3.hdls1.testns.svc.${ZONE}`,
      `SRV 0 33 8080 172-0-0-5.hdls1.testns.svc.${ZONE}`,
      `SRV 0 33 8080 ep1a.hdls1.testns.svc.${ZONE}`,
    ],
  ],
  [
    'hdlsdual.testns.svc',
    'SRV',
    'NOERROR',
    [
      `SRV 0 50 8080 172-0-0-6.hdlsdual.testns.svc.${ZONE}`,
      `SRV 0 50 8080 5678-abcd--6.hdlsdual.testns.svc.${ZONE}`,
    ],
  ],
  ['_nope._tcp.hdls1.testns.svc', 'SRV', 'NXDOMAIN', []],
];

const aliases: Row[] = [
  ['external.testns.svc', 'CNAME', 'NOERROR', ['CNAME www.example.org']],
  ['intern.testns.svc', 'A', 'NOERROR', ['A 10.0.0.1', `CNAME svc1.testns.svc.${ZONE}`]],
  ['intern.testns.svc', 'AAAA', 'NOERROR', [`CNAME svc1.testns.svc.${ZONE}`]],
  ['intern.testns.svc', 'MX', 'NOERROR', [`CNAME svc1.testns.svc.${ZONE}`]],
  ['dangling.testns.svc', 'A', 'NXDOMAIN', [`CNAME gone.testns.svc.${ZONE}`]],
  ['literal.testns.svc', 'A', 'NXDOMAIN', []],
  ['x.external.testns.svc', 'A', 'NXDOMAIN', []],
  ['_http._tcp.external.testns.svc', 'SRV', 'NXDOMAIN', []],
];

const apex: Row[] = [
  ['', 'SOA', 'NOERROR', [`SOA ns.dns.${ZONE}`]],
  ['', 'A', 'NOERROR', []],
  ['', 'TXT', 'NOERROR', []],
  ['', 'SRV', 'NOERROR', []],
  ['', 'NS', 'NOERROR', [`NS kube-dns.kube-system.svc.${ZONE}`]],
  ['dns-version', 'TXT', 'NOERROR', ['TXT 1.1.0']],
  ['dns-version', 'A', 'NOERROR', []],
  ['ns.dns', 'A', 'NOERROR', ['A 10.240.0.1']],
  ['ns.dns', 'TXT', 'NOERROR', []],
  ['dns', 'A', 'NOERROR', []],
  ['svc', 'A', 'NOERROR', []],
  ['svc', 'TXT', 'NOERROR', []],
  ['testns.svc', 'A', 'NOERROR', []],
  ['testns.svc', 'TXT', 'NOERROR', []],
  ['bogusns.svc', 'A', 'NXDOMAIN', []],
  ['bogus', 'A', 'NXDOMAIN', []],
  ['pod', 'A', 'NXDOMAIN', []],
];

const reverse: Row[] = [
  ['1.0.0.10.in-addr.arpa.', 'PTR', 'NOERROR', [`PTR svc1.testns.svc.${ZONE}`]],
  ['3.0.0.10.in-addr.arpa.', 'PTR', 'NOERROR', [`PTR dual.testns.svc.${ZONE}`]],
  ['2.0.0.172.in-addr.arpa.', 'PTR', 'NOERROR', [`PTR ep1a.hdls1.testns.svc.${ZONE}`]],
  ['3.0.0.172.in-addr.arpa.', 'PTR', 'NOERROR', [`PTR 172-0-0-3.hdls1.testns.svc.${ZONE}`]],
  [nibbles('12340000000000000000000000000000'), 'PTR', 'NXDOMAIN', []],
  [nibbles('1234abcd000000000000000000000001'), 'PTR', 'NOERROR', [`PTR svc6.testns.svc.${ZONE}`]],
  [
    nibbles('5678abcd000000000000000000000001'),
    'PTR',
    'NOERROR',
    [`PTR 5678-abcd--1.hdls6.testns.svc.${ZONE}`],
  ],
  ['100.0.0.10.in-addr.arpa.', 'PTR', 'NXDOMAIN', []],
  ['1.0.0.10.in-addr.arpa.', 'A', 'NOERROR', []],
  ['0.0.10.in-addr.arpa.', 'PTR', 'NXDOMAIN', []],
  ['example._http.3.0.0.10.in-addr.arpa.', 'PTR', 'NXDOMAIN', []],
];

function nibbles(hex: string): string {
  return `${[...hex].reverse().join('.')}.ip6.arpa.`;
}

const podsDisabled: Row[] = [
  ['10-240-9-1.testns.pod', 'A', 'NXDOMAIN', []],
  ['testns.pod', 'A', 'NXDOMAIN', []],
];
const podsInsecure: Row[] = [
  ['10-240-0-1.testns.pod', 'A', 'NOERROR', ['A 10.240.0.1']],
  ['172-0-0-9.testns.pod', 'AAAA', 'NOERROR', []],
  ['fd00--1.testns.pod', 'AAAA', 'NOERROR', ['AAAA fd00::1']],
  ['blah.testns.pod', 'A', 'NXDOMAIN', []],
  ['10-240-0-1.bogus.pod', 'A', 'NXDOMAIN', []],
  ['testns.pod', 'A', 'NOERROR', []],
  ['pod', 'A', 'NOERROR', []],
];
const podsVerified: Row[] = [
  ['10-240-9-1.testns.pod', 'A', 'NOERROR', ['A 10.240.9.1']],
  ['10-240-9-1.other.pod', 'A', 'NXDOMAIN', []],
  ['10-240-9-2.testns.pod', 'A', 'NXDOMAIN', []],
  ['10-240-9-3.testns.pod', 'A', 'NXDOMAIN', []],
  ['testns.pod', 'A', 'NOERROR', []],
];
const exposed: Row[] = [
  ['svc1.testns.svc', 'A', 'NOERROR', ['A 10.0.0.1']],
  ['svc1.other.svc', 'A', 'NXDOMAIN', []],
  ['other.svc', 'A', 'NXDOMAIN', []],
  ['1.1.0.10.in-addr.arpa.', 'PTR', 'NXDOMAIN', []],
];
const ignoreEmpty: Row[] = [
  ['svc1.testns.svc', 'A', 'NOERROR', ['A 10.0.0.1']],
  ['empty.testns.svc', 'A', 'NXDOMAIN', []],
];

describe.each([
  ['services', '', services],
  ['headless services', '', headless],
  ['external names', '', aliases],
  ['the apex and names between', '', apex],
  ['reverse names', '', reverse],
  ['Pod names, disabled', 'pods disabled', podsDisabled],
  ['Pod names, insecure', 'pods insecure', podsInsecure],
  ['Pod names, verified', 'pods verified', podsVerified],
  ['namespaces', 'namespaces testns', exposed],
  ['namespace_labels', 'namespace_labels env in (prod)', exposed],
  ['ignore empty_service', 'ignore empty_service', ignoreEmpty],
])('records of %s', (_title, options, rows) => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab(corefile(options), seed);
  });
  afterAll(() => lab.stop());

  it.each(rows)('%s %s is %s %j, asked once and again', async (name, type, rcode, answers) => {
    const full = name.endsWith('.') ? name.slice(0, -1) : [name, ZONE].filter((p) => p !== '').join('.');
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

describe('other options of the kubernetes plugin', () => {
  const started: Lab[] = [];
  const lab = async (options: string, sync = true) => {
    const made = await createLab(corefile(options), seed, { sync });
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
