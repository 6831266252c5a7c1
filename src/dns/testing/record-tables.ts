import { V6, ZONE } from './sample-cluster.js';

/** A question below the cluster's zone (or with a dot at its end, anywhere), and its answer. */
export type Row = [name: string, type: string, rcode: string, answers: string[]];

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
  ['empty.testns.svc', 'SRV', 'NOERROR', [`SRV 0 100 80 empty.testns.svc.${ZONE}`]],
  ['_http._tcp.empty.testns.svc', 'SRV', 'NOERROR', [`SRV 0 100 80 empty.testns.svc.${ZONE}`]],
  ['svc6.testns.svc', 'SRV', 'NOERROR', [`SRV 0 100 80 svc6.testns.svc.${ZONE}`]],
  ['_http._tcp.svc6.testns.svc', 'SRV', 'NOERROR', [`SRV 0 100 80 svc6.testns.svc.${ZONE}`]],
  ['dual.testns.svc', 'SRV', 'NOERROR', [`SRV 0 50 80 dual.testns.svc.${ZONE}`]],
  ['svc0.testns.svc', 'AAAA', 'NXDOMAIN', []],
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
  ['172-0-0-20.hdlsprtls.testns.svc', 'A', 'NOERROR', ['A 172.0.0.20']],
  ['bogusendpoint.hdls1.testns.svc', 'A', 'NXDOMAIN', []],
  ['bogusendpoint.svc0.testns.svc', 'A', 'NXDOMAIN', []],
];

const aliases: Row[] = [
  ['external.testns.svc', 'CNAME', 'NOERROR', ['CNAME www.example.org']],
  ['intern.testns.svc', 'A', 'NOERROR', ['A 10.0.0.1', `CNAME svc1.testns.svc.${ZONE}`]],
  ['intern.testns.svc', 'AAAA', 'NOERROR', [`CNAME svc1.testns.svc.${ZONE}`]],
  ['intern.testns.svc', 'MX', 'NOERROR', [`CNAME svc1.testns.svc.${ZONE}`]],
  ['dangling.testns.svc', 'A', 'NXDOMAIN', [`CNAME gone.testns.svc.${ZONE}`]],
  ['literal.testns.svc', 'A', 'NXDOMAIN', []],
  ['x.external.testns.svc', 'A', 'NXDOMAIN', []],
  ['x.external.testns.svc', 'CNAME', 'NXDOMAIN', []],
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
  ['pod', 'A', 'NOERROR', []],
  ['svc', 'NS', 'NOERROR', []],
  ['testns.svc', 'NS', 'NOERROR', []],
  ['bogus', 'NS', 'NXDOMAIN', []],
  ['bogus.svc', 'NS', 'NXDOMAIN', []],
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

/** All of what `seed` is to be answered with, by options of the kubernetes plugin. */
export const recordTables: [title: string, options: string, rows: Row[]][] = [
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
];

/** The whole name that a row asks for. */
export function rowName(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : [name, ZONE].filter((p) => p !== '').join('.');
}

/** The Corefile of a table; with a port, for a server on loopback. */
export function tableCorefile(options: string, port?: number): string {
  const listen = port === undefined ? '' : 'bind 127.0.0.1';
  const zones = `kubernetes ${ZONE} in-addr.arpa ip6.arpa {\n ttl 30\n ${options}\n }`;
  return `.:${port ?? 53} {\n ${listen}\n ${zones}\n}\n`;
}
