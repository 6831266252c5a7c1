import { execFile, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import packet from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, createMetrics, issueCertificate, silentLogger } from '#base';
import { createInformerFactory, Resources } from '#client';
import { FakeClient } from '#client/testing';
import { createDnsServer, type DnsServer } from '#dns';

const PORT = 21_053;
const UPSTREAM = 21_153;
const DEAD = 21_154;
const execFileAsync = promisify(execFile);

/** The server block in the shape that kubeadm ships, on loopback. */
function corefile(ttl: number, certificate: { cert: string; key: string }): string {
  return `.:${PORT} {
    bind 127.0.0.1
    errors
    health 127.0.0.1:${PORT + 1} {
       lameduck 300ms
    }
    ready 127.0.0.1:${PORT + 2}
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl ${ttl}
    }
    prometheus 127.0.0.1:${PORT + 3}
    hosts {
       192.0.2.10 static.test
       fallthrough
    }
    rewrite name suffix .alias.test. .default.svc.cluster.local. answer auto
    transfer {
       to 127.0.0.1
    }
    forward . 127.0.0.1:${UPSTREAM} {
       max_concurrent 1000
    }
    cache 30
    loop
    reload 2s 1s
    loadbalance
}
dead.test:${PORT} {
    bind 127.0.0.1
    forward . 127.0.0.1:${DEAD} 127.0.0.1:${UPSTREAM} {
       policy sequential
    }
}
tls://.:${PORT + 4} https://.:${PORT + 5} {
    bind 127.0.0.1
    tls ${certificate.cert} ${certificate.key}
    kubernetes cluster.local
}
`;
}

async function dig(...args: string[]): Promise<string> {
  const base = ['@127.0.0.1', '-p', String(PORT), '+time=5', '+tries=1'];
  const { stdout } = await execFileAsync('dig', [...base, ...args], {
    timeout: 20_000,
    maxBuffer: 64 * 2 ** 20,
  });
  return stdout.trim();
}
const short = async (...args: string[]) => (await dig('+short', ...args)).split('\n').sort();
const status = async (...args: string[]) => /status: (\w+)/.exec(await dig(...args))?.[1];

/** Answers everything with 192.0.2.1 and TTL 60, except names with nx in them. */
function upstreamAnswer(message: Buffer): Buffer {
  const query = packet.decode(message);
  const name = query.questions![0]!.name;
  const missing = name.startsWith('nx');
  const soa = {
    mname: 'ns.test',
    rname: 'root.test',
    serial: 1,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum: 60,
  };
  return packet.encode({
    type: 'response',
    id: query.id ?? 0,
    flags: packet.RECURSION_AVAILABLE | (missing ? 3 : 0),
    questions: query.questions ?? [],
    answers: missing ? [] : [{ type: 'A', name, ttl: 60, data: '192.0.2.1' }],
    authorities: missing ? [{ type: 'SOA', name: 'test', ttl: 60, data: soa }] : [],
  });
}

class Upstream {
  readonly asked: string[] = [];
  readonly #udp: Socket = createSocket('udp4');
  readonly #dead: Socket = createSocket('udp4');
  readonly #tcp: Server;

  constructor() {
    this.#udp.on('message', (message, from) => {
      this.asked.push(packet.decode(message).questions![0]!.name);
      this.#udp.send(upstreamAnswer(message), from.port, from.address);
    });
    this.#tcp = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.on('data', (chunk) => {
        const answer = upstreamAnswer(chunk.subarray(2));
        socket.write(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer]));
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#udp.bind(UPSTREAM, '127.0.0.1', resolve));
    // Takes datagrams and never answers.
    await new Promise<void>((resolve) => this.#dead.bind(DEAD, '127.0.0.1', resolve));
    await new Promise<void>((resolve) => this.#tcp.listen(UPSTREAM, '127.0.0.1', resolve));
  }

  stop(): void {
    this.#udp.close();
    this.#dead.close();
    this.#tcp.close();
  }
}

describe('the shipped Corefile on loopback, asked with dig', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubesvc-dns-'));
  const files = { cert: join(directory, 'tls.crt'), key: join(directory, 'tls.key') };
  const client = new FakeClient();
  const upstream = new Upstream();
  const informers = createInformerFactory(client, { logger: silentLogger });
  let text = corefile(30, files);
  let server: DnsServer;

  beforeAll(async () => {
    if (spawnSync('dig', ['-v']).error !== undefined)
      throw new Error('dig is needed: apt-get install bind9-dnsutils');
    const authority = await createAuthority('test');
    const pair = await issueCertificate(authority, {
      commonName: 'localhost',
      dnsNames: ['localhost'],
      usages: ['server'],
    });
    writeFileSync(files.cert, pair.certificate);
    writeFileSync(files.key, pair.key);
    client.seed(Resources.namespaces, { metadata: { name: 'default' } });
    for (let i = 0; i < 10_000; i++) {
      const ip = `10.96.${i >> 8}.${i & 255}`;
      client.seed(Resources.services, {
        metadata: { name: `svc-${i}`, namespace: 'default' },
        spec: { clusterIP: ip, clusterIPs: [ip], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
      });
    }
    client.seed(Resources.services, {
      metadata: { name: 'outside', namespace: 'default' },
      spec: { type: 'ExternalName', externalName: 'www.example.test' },
    });
    await upstream.start();
    server = createDnsServer(
      { corefile: text, readCorefile: async () => text },
      { informers, logger: silentLogger, metrics: createMetrics() },
    );
    await server.start();
  });
  afterAll(async () => {
    await server.stop();
    upstream.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('answers A over UDP and TCP, with dig’s cookie and without EDNS', async () => {
    for (const how of [[], ['+tcp'], ['+noedns'], ['+nocookie'], ['+dnssec'], ['+bufsize=512']])
      expect(await short(...how, 'svc-7.default.svc.cluster.local')).toEqual(['10.96.0.7']);
  });

  it('answers SRV and PTR', async () => {
    expect(await short('_http._tcp.svc-7.default.svc.cluster.local', 'SRV')).toEqual([
      '0 100 80 svc-7.default.svc.cluster.local.',
    ]);
    expect(await short('-x', '10.96.0.7')).toEqual(['svc-7.default.svc.cluster.local.']);
  });

  it('refuses unknown EDNS versions and other classes as it should', async () => {
    expect(await status('+edns=1', '+noednsnegotiation', 'svc-7.default.svc.cluster.local')).toBe('BADVERS');
    expect(await status('-c', 'CH', 'version.bind', 'TXT')).toBe('NOERROR');
  });

  it('forwards other names, keeps upstream answers, and counts their TTL down', async () => {
    upstream.asked.length = 0;
    expect(await short('kept.example.test')).toEqual(['192.0.2.1']);
    expect(await short('KEPT.example.test')).toEqual(['192.0.2.1']);
    expect(upstream.asked.filter((n) => n.startsWith('kept'))).toHaveLength(1);
    expect(await status('nx.example.test')).toBe('NXDOMAIN');
    expect(await status('nx.example.test')).toBe('NXDOMAIN');
    expect(upstream.asked.filter((n) => n.startsWith('nx'))).toHaveLength(1);
    const line = /IN\s+A\s/;
    const ttl = Number(
      (await dig('kept.example.test'))
        .split('\n')
        .find((l) => line.test(l))
        ?.split(/\s+/)[1],
    );
    expect(ttl).toBeLessThanOrEqual(30);
  });

  it('asks the next upstream while the first is silent', async () => {
    expect(await short('a.dead.test')).toEqual(['192.0.2.1']);
  });

  it('follows an external alias through its own chain', async () => {
    expect(await short('outside.default.svc.cluster.local')).toEqual(['192.0.2.1', 'www.example.test.']);
  });

  it('serves hosts entries and their reverse, and undoes rewrites in answers', async () => {
    expect(await short('static.test')).toEqual(['192.0.2.10']);
    expect(await short('-x', '192.0.2.10')).toEqual(['static.test.']);
    const answer = await dig('+noall', '+answer', 'svc-3.alias.test');
    expect(answer).toMatch(/^svc-3\.alias\.test\.\s+30\s+IN\s+A\s+10\.96\.0\.3$/);
  });

  it('transfers the zone to who may have it, between two SOAs', async () => {
    const lines = (await dig('+noall', '+answer', 'cluster.local', 'AXFR')).split('\n');
    expect(lines[0]).toMatch(/SOA/);
    expect(lines.at(-1)).toMatch(/SOA/);
    expect(lines.filter((l) => /IN\s+A\s+10\.96\./.test(l))).toHaveLength(10_000);
    expect(lines.some((l) => /CNAME\s+www\.example\.test/.test(l))).toBe(true);
    const serial = /SOA\s+\S+\s+\S+\s+(\d+)/.exec(lines[0]!)![1];
    const since = async (known: string) =>
      (await dig('+noall', '+answer', 'cluster.local', `IXFR=${known}`)).split('\n').length;
    expect(await since(serial!)).toBe(1);
    expect(await since('1')).toBe(lines.length);
  });

  it('answers every one of 10,000 Services', async () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `svc-${i}.default.svc.cluster.local`);
    const file = join(directory, 'names');
    writeFileSync(file, names.map((n) => `${n} A`).join('\n'));
    const answers = (await dig('+short', '-f', file)).split('\n');
    expect(answers).toEqual(names.map((_, i) => `10.96.${i >> 8}.${i & 255}`));
  });

  it('serves health, readiness and metrics under CoreDNS’s names', async () => {
    const get = async (port: number, path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    expect(await get(PORT + 1, '/health')).toBe('OK');
    expect(await get(PORT + 2, '/ready')).toBe('OK');
    const metrics = await get(PORT + 3, '/metrics');
    expect(metrics).toMatch(
      new RegExp(
        `coredns_dns_requests_total{server="dns://127.0.0.1:${PORT}",zone="\\.",view="",proto="udp",family="1",type="A"} \\d+`,
      ),
    );
    for (const name of [
      'coredns_dns_responses_total',
      'coredns_cache_hits_total',
      'coredns_plugin_enabled',
      'coredns_dns_request_duration_seconds_bucket',
    ])
      expect(metrics).toContain(name);
  });

  it('answers over TLS and HTTPS', async () => {
    const message = packet.streamEncode({
      type: 'query',
      id: 9,
      questions: [{ type: 'A', name: 'svc-9.default.svc.cluster.local' }],
    });
    const tls = connectTls({ port: PORT + 4, host: '127.0.0.1', rejectUnauthorized: false });
    const answer = await new Promise<Buffer>((resolve, reject) => {
      tls.once('error', reject);
      tls.once('data', resolve);
      tls.write(message);
    });
    tls.destroy();
    expect(packet.streamDecode(answer).answers).toMatchObject([{ data: '10.96.0.9' }]);
    const session = connectHttp2(`https://127.0.0.1:${PORT + 5}`, { rejectUnauthorized: false });
    const body = await new Promise<Buffer>((resolve, reject) => {
      session.once('error', reject);
      const request = session.request({
        ':path': `/dns-query?dns=${message.subarray(2).toString('base64url')}`,
        accept: 'application/dns-message',
      });
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => resolve(Buffer.concat(parts)));
    });
    session.destroy();
    expect(packet.decode(body).answers).toMatchObject([{ data: '10.96.0.9' }]);
  });

  it('takes a changed Corefile without losing a query, and keeps the old one when the new is wrong', async () => {
    const ttl = async () =>
      (await dig('+noall', '+answer', 'svc-1.default.svc.cluster.local')).split(/\s+/)[1];
    expect(await ttl()).toBe('30');
    let running = true;
    let asked = 0;
    const load = (async () => {
      while (running) {
        expect(await short('svc-2.default.svc.cluster.local')).toEqual(['10.96.0.2']);
        asked++;
      }
    })();
    text = 'nonsense {';
    await server.reload(text).then(
      () => expect.unreachable(),
      (error: Error) => expect(error.message).toMatch(/^Corefile:1:/),
    );
    expect(await ttl()).toBe('30');
    text = corefile(17, files);
    await expect.poll(ttl, { timeout: 15_000, interval: 200 }).toBe('17');
    running = false;
    await load;
    expect(asked).toBeGreaterThan(0);
  });

  it('keeps answering while it stops, and is not ready then', async () => {
    const stopped = server.stop();
    expect((await fetch(`http://127.0.0.1:${PORT + 2}/ready`)).status).toBe(503);
    expect(await short('svc-5.default.svc.cluster.local')).toEqual(['10.96.0.5']);
    await stopped;
  });
});
