import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMetrics, silentLogger } from '#base';
import { createInformerFactory } from '#client';
import { FakeClient } from '#client/testing';
import { ServerStats } from '../metrics/server-stats.js';
import { clusterConfig } from '../plugins/cluster-address.js';
import { buildRuntime } from '../runtime.js';
import { InformerSources } from '../zone/informer-sources.js';
import { parseCorefile } from './parse.js';
import { CorefileError } from './tokens.js';

function build(corefile: string) {
  const sources = new InformerSources(createInformerFactory(new FakeClient(), { logger: silentLogger }));
  return buildRuntime(corefile, 'Corefile', {
    logger: silentLogger,
    metrics: createMetrics(),
    stats: new ServerStats(),
    sources: (cluster) => {
      if (cluster !== undefined) clusterConfig(cluster);
      return sources;
    },
    localIps: () => [],
    stopping: () => false,
  });
}
const block = (line: string) => `.:53 {\n${line}\n}\n`;
const k8s = (line: string) => block(`kubernetes coredns.local {\n${line}\n}`);

/** kubeadm's, Kubernetes 1.36, with an upstream that needs no file. */
const KUBEADM = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . 192.0.2.53 {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`;

describe('a Corefile', () => {
  it('as kubeadm ships it is served', () => {
    const runtime = build(KUBEADM);
    expect([...runtime.listeners.keys()].every((k) => /^dns\|(0\.0\.0\.0|::)\|53$/.test(k))).toBe(true);
    expect([...runtime.context.http.keys()].sort()).toEqual([':8080', ':8181', ':9153']);
    expect(runtime.context).toMatchObject({
      lameduckMs: 5000,
      reload: { intervalMs: 30_000, jitterMs: 15_000 },
    });
    expect(runtime.enabled.map((e) => e.name)).toEqual([
      ...[
        'reload',
        'ready',
        'health',
        'prometheus',
        'errors',
        'loadbalance',
        'cache',
        'kubernetes',
        'loop',
        'forward',
      ],
    ]);
  });

  it('may have stub domains, snippets, several keys and transports', () => {
    const text = `(common) {\n errors\n}\n${block('import common\nforward . 192.0.2.1')}
      consul.local:53, tls://example.org:853 {\n import common\n tls cert key\n forward . 192.0.2.2:8600\n}`;
    expect(new Set([...build(text).listeners.values()].map((l) => l.transport))).toEqual(
      new Set(['dns', 'tls']),
    );
  });

  it('turns a CIDR into reverse zones, also between label borders', () => {
    expect(build('10.0.0.0/9:53 {\n errors\n}').blocks[0]!.zones).toHaveLength(128);
    expect(build('10.96.0.0/16:53 {\n errors\n}').blocks[0]!.zones).toEqual([
      ['96', '10', 'in-addr', 'arpa'],
    ]);
  });

  it.each([
    ['errors {\n consolidate 5m ".* i/o timeout$" warning\n}'],
    ['log'],
    ['log . {combined}'],
    ['log example.org "{name} {type}" {\n class denial error\n}'],
    ['health :8081'],
    ['health'],
    ['ready localhost:8091'],
    ['prometheus localhost:9253'],
    ['cache'],
    ['cache 10'],
    [
      'cache 3600 example.org {\n success 9984 3600 5\n denial 2048\n prefetch 10 1m 10%\n serve_stale 1h verify 1s\n servfail 0\n}',
    ],
    ['reload 10s 5s'],
    ['reload 0'],
    ['hosts {\n 10.0.0.1 example.org\n fallthrough\n}'],
    ['hosts /nonexistent example.org {\n ttl 60\n no_reverse\n reload 10s\n}'],
    ['rewrite name a.example. b.example.'],
    ['rewrite stop name suffix .ext. .cluster.local. answer auto'],
    [
      'rewrite continue name regex (.*)\\.x\\.y {1}.z answer name (.*)\\.z {1}.x.y answer value (.*)\\.z {1}.x.y',
    ],
    [
      'rewrite stop {\n name regex (.*)-(us-west-1)\\.c\\.r {1}.s.{2}.consul\n answer name (.*)\\.s\\.(us-west-1)\\.consul {1}-{2}.c.r\n}',
    ],
    ['rewrite type ANY HINFO'],
    ['rewrite class CH IN'],
    ['rewrite ttl example.org. 30-60'],
    ['rewrite rcode suffix .x. NXDOMAIN NOERROR'],
    [
      'forward . 192.0.2.1 192.0.2.2:5353 {\n policy sequential\n max_fails 3\n expire 20s\n health_check 1s\n except a.b\n force_tcp\n}',
    ],
    ['forward . tls://192.0.2.1 {\n tls_servername dns.example\n}'],
    ['loadbalance round_robin'],
    ['bufsize 1232'],
    ['bind 127.0.0.1'],
    ['bind lo'],
    ['autopath @kubernetes\nkubernetes cluster.local {\n pods verified\n}'],
    ['transfer {\n to *\n}\nkubernetes cluster.local'],
    ['any'],
    ['debug'],
    ['loop'],
  ])('may say %s', (text) => {
    expect(() => build(block(text))).not.toThrow();
  });

  it.each([
    ['endpoint_pod_names'],
    ['pods disabled'],
    ['pods insecure'],
    ['pods verified'],
    ['namespaces demo'],
    ['namespaces demo test'],
    ['labels environment=prod'],
    ['labels environment in (production, staging, qa),application=nginx'],
    ['namespace_labels istio-injection=enabled'],
    ['fallthrough'],
    ['fallthrough ip6.arpa inaddr.arpa foo.com'],
    ['ttl 0'],
    ['ttl 3600'],
    ['noendpoints'],
    ['zonal'],
    ['multicluster coredns.local'],
    ['endpoint http://localhost:8080 http://localhost:8081'],
    ['ignore empty_service'],
    ['startup_timeout 1s'],
    ['apiserver_qps 50\napiserver_burst 100\napiserver_max_inflight 10'],
  ])('may say of kubernetes: %s', (line) => {
    expect(() => build(k8s(line))).not.toThrow();
  });

  it.each([
    ['endpoint', 'Wrong argument count or unexpected line ending'],
    ['endpoint localhost', 'is not a URL'],
    ['endpoint https://[::1]:6443\ntls /nowhere/a /nowhere/b /nowhere/c', 'no such file'],
    ['kubeconfig /nowhere/config', 'cannot read kubeconfig'],
    ['zonal x', 'Wrong argument count'],
    ['multicluster', 'Wrong argument count'],
    ['multicluster a.b', "multicluster zone 'a.b' is not one of the zones"],
    ['tls a b', 'Wrong argument count'],
    ['namespaces', 'Wrong argument count'],
    ['labels', 'Wrong argument count'],
    ['labels environment in (production, qa', 'unable to parse label selector'],
    ['namespace_labels', 'Wrong argument count'],
    ['namespace_labels environment in (production, qa', 'unable to parse namespace_label selector'],
    ['namespaces a\nnamespace_labels a=b', 'namespaces and namespace_labels cannot both be set'],
    ['pods', 'Wrong argument count'],
    ['pods giant_seed', 'wrong value for pods'],
    ['ttl', 'Wrong argument count'],
    ['ttl -1', 'ttl must be in range [0, 3600]: -1'],
    ['ttl 3601', 'ttl must be in range [0, 3600]: 3601'],
    ['ttl abc', 'is not a number'],
    ['noendpoints ixnay', 'Wrong argument count'],
    ['ignore', 'unable to parse ignore value'],
    ['ignore giant_seed', "unable to parse ignore value: 'giant_seed'"],
    ['endpoint_pod_names giant_seed', 'Wrong argument count'],
    ['kubeconfig', 'Wrong argument count'],
    ['kubeconfig a b c', 'Wrong argument count'],
    ['startup_timeout x', 'invalid duration'],
    ['upstream', "unknown property 'upstream'"],
    ['resyncperiod 30s', "unknown property 'resyncperiod'"],
    ['transfer to *', "unknown property 'transfer'"],
  ])('must not say of kubernetes: %s', (line, message) => {
    const failing = () => build(k8s(line));
    expect(failing).toThrow(CorefileError);
    expect(failing).toThrow(message);
    expect(failing).toThrow(/^Corefile:\d+:\d+: /);
  });

  it.each([
    ['nonsense', "Corefile:2:1: unknown directive 'nonsense'"],
    ['kubernetes in-addr.arpa', 'non-reverse zone name must be used'],
    ['kubernetes a.b\nkubernetes c.d', 'Corefile:3:1: this plugin can only be used once per Server Block'],
    ['cache 0', 'cache TTL can not be zero or negative: 0'],
    ['cache -1', 'cache TTL can not be zero or negative: -1'],
    ['cache {\n success 0 -3\n}', 'cache TTL can not be zero or negative'],
    ['cache {\n prefetch 1 1m 5%\n}', 'percentage should fall in range [10, 90]: 5'],
    ['cache {\n prefetch 1 1m 50\n}', 'last character of percentage'],
    ['cache {\n servfail 301s\n}', 'over 5 minutes'],
    ['cache {\n nope\n}', 'Wrong argument count'],
    ['cache\ncache', 'once per Server Block'],
    ['errors {\n consolidate 1m\n}', 'Wrong argument count'],
    ['errors {\n consolidate 1m "("\n}', 'invalid regular expression'],
    ['log {\n class abracadabra\n}', 'Unknown response class'],
    ['health a b', 'Wrong argument count'],
    ['health {\n lameduck 20\n wat\n}', "unknown property 'wat'"],
    ['ready nope', 'is not an address with a port'],
    ['reload 1s', 'greater or equal to 2s'],
    ['reload wat', 'invalid duration'],
    ['forward', 'forward needs a zone'],
    ['forward . name.example', 'not an IP address or file'],
    ['forward . 192.0.2.1 {\n wat\n}', "unknown property 'wat'"],
    ['forward . 192.0.2.1 {\n policy clever\n}', "unknown policy 'clever'"],
    ['rewrite', 'invalid rule type'],
    ['rewrite edns0 local set 0xffee 0x61', 'invalid rule type "edns0"'],
    ['rewrite name regex ( x', 'invalid regular expression'],
    ['rewrite name a', 'Wrong argument count'],
    ['loadbalance weighted file', "policy 'weighted'"],
    ['loadbalance {\n prefer 10.0.0.0/33\n}', 'invalid CIDR'],
    ['autopath @kubernetes', 'no kubernetes plugin'],
    ['autopath /etc/resolv.conf', 'only'],
    ['transfer', "'to' is required"],
    ['bind 300.0.0.1', 'not a valid IP address or interface name'],
    ['tls a', 'Wrong argument count'],
    ['loop now', 'Wrong argument count'],
    ['hosts {\n wat now\n}', "unknown property 'wat'"],
  ])('must not say %s', (text, message) => {
    const failing = () => build(block(text));
    expect(failing).toThrow(CorefileError);
    expect(failing).toThrow(message);
  });

  it.each([
    ['. {', "Corefile:1:3: '{' of the server block is not closed"],
    ['. {\n log "x\n}', 'Corefile:2:6: quoted string is not closed'],
    ['}', "Corefile:1:1: unexpected '}'"],
    ['.', "expected '{'"],
    ['. {\n import nope\n}', 'Corefile:2:2: import: ENOENT'],
    ['import /nowhere/*.server extra', 'Corefile:1:1: import: needs the name'],
    ['.:99999 {\n}', 'port must be between 1 and 65535'],
    ['quic://. {\n}', 'cannot serve'],
    ['tls://. {\n errors\n}', 'needs the tls plugin'],
    [`${'a'.repeat(64)}.b {\n}`, 'bad label'],
  ])('that is %j says where it is wrong', (text, message) => {
    expect(() => build(text)).toThrow(message);
  });

  it('may import files and patterns, whose errors name their own file', () => {
    const directory = mkdtempSync(join(tmpdir(), 'kubesvc-corefile-'));
    const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
    try {
      write('common', 'errors\n cache 7\n');
      write('a.server', 'a.test:53 {\n import common\n}\n');
      write('b.server', '(shared) {\n loop\n}\nb.test:53 {\n import shared\n}\n');
      write('.hidden.server', 'nonsense {');
      const main = join(directory, 'Corefile');
      const servers = parseCorefile('import *.server\nimport none/*.server\n. {\n import common\n}\n', main);
      expect(servers.map((s) => [s.keys[0], s.plugins.map((p) => p.name)])).toEqual([
        ['a.test:53', ['errors', 'cache']],
        ['b.test:53', ['loop']],
        ['.', ['errors', 'cache']],
      ]);
      write('common', 'errors {\n');
      expect(() => parseCorefile('. {\n import common\n}\n', main)).toThrow(
        `${join(directory, 'common')}:1:8: `,
      );
      write('common', 'import common');
      expect(() => parseCorefile('. {\n import common\n}\n', main)).toThrow('nested too deeply');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('of any text is parsed or refused with a place, in bounded time', () => {
    const words = fc.constantFrom(
      '{',
      '}',
      '"',
      '.',
      '.:53',
      'errors',
      'import',
      '(a)',
      'a',
      '#',
      '\n',
      ' ',
      '{$X}',
      '\\',
    );
    const texts = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.array(words, { maxLength: 60 }).map((w) => w.join(' ')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          parseCorefile(text, 'Corefile', { X: 'x' });
        } catch (error) {
          if (!(error instanceof CorefileError)) throw error;
          expect(error.message).toMatch(/^Corefile:\d+:\d+: /);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
