import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import packet from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { core, discovery } from '#api';
import { createMetrics, silentLogger } from '#base';
import { createInformerFactory, Resources } from '#client';
import { FakeClient } from '#client/testing';
import { createDnsServer } from './index.js';

const PORT = 20_053;
const COREFILE = `
.:${PORT} {
    bind 127.0.0.1
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    loadbalance
}`;

function service(name: string, spec: core.ServiceSpec): core.Service {
  return { metadata: { name, namespace: 'default' }, spec };
}

function slice(
  of: string,
  ips: string[],
  extra: Partial<discovery.Endpoint>[] = [],
  ports = [{ name: 'http', port: 8080, protocol: 'TCP' }],
): discovery.EndpointSlice {
  return {
    metadata: { name: `${of}-abc`, namespace: 'default', labels: { 'kubernetes.io/service-name': of } },
    addressType: 'IPv4',
    ports,
    endpoints: ips.map((ip, i) => ({ addresses: [ip], conditions: { ready: true }, ...extra[i] })),
  };
}

type Answered = packet.DecodedPacket & { rcode: string };

async function ask(name: string, type: packet.RecordType): Promise<Answered> {
  const socket = createSocket('udp4');
  try {
    return await new Promise<Answered>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('message', (message) => resolve(packet.decode(message) as Answered));
      socket.send(
        packet.encode({ type: 'query', id: 7, flags: packet.RECURSION_DESIRED, questions: [{ type, name }] }),
        PORT,
        '127.0.0.1',
      );
    });
  } finally {
    socket.close();
  }
}

function data(answer: Answered, type: string): unknown[] {
  return (answer.answers ?? []).filter((a) => a.type === type).map((a) => (a as { data: unknown }).data);
}

describe('a DNS server over a cluster', () => {
  const client = new FakeClient();
  const informers = createInformerFactory(client, { logger: silentLogger });
  const server = createDnsServer(
    { corefile: COREFILE },
    {
      informers,
      logger: silentLogger,
      metrics: createMetrics(),
    },
  );

  beforeAll(async () => {
    client.seed(Resources.namespaces, { metadata: { name: 'default' } });
    client.seed(
      Resources.services,
      service('web', {
        clusterIP: '10.96.0.20',
        clusterIPs: ['10.96.0.20'],
        ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      }),
      service('db', {
        clusterIP: 'None',
        clusterIPs: ['None'],
        ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      }),
      service('empty', { clusterIP: 'None', clusterIPs: ['None'] }),
      service('alias', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }),
      service('nowhere', { type: 'ExternalName', externalName: 'gone.default.svc.cluster.local' }),
      service('literal', { type: 'ExternalName', externalName: '192.0.2.1' }),
    );
    client.seed(
      Resources.endpointSlices,
      slice('web', ['10.244.1.2']),
      slice(
        'db',
        ['10.244.1.3', '10.244.2.3', '10.244.2.4'],
        [{ hostname: 'db-0' }, {}, { conditions: { ready: false } }],
      ),
    );
    await server.start();
    await informers.synced();
  });
  afterAll(() => server.stop());

  it('answers a ClusterIP Service with its address, and NODATA for the other family', async () => {
    const answer = await ask('web.default.svc.cluster.local', 'A');
    expect(data(answer, 'A')).toEqual(['10.96.0.20']);
    expect(answer.flag_aa).toBe(true);
    expect(answer.answers![0]).toMatchObject({ ttl: 30 });
    const other = await ask('web.default.svc.cluster.local', 'AAAA');
    expect(other.rcode).toBe('NOERROR');
    expect(other.answers).toEqual([]);
    expect(other.authorities![0]).toMatchObject({ type: 'SOA', name: 'cluster.local' });
  });

  it('answers a headless Service with its ready addresses, and nothing ready with NXDOMAIN', async () => {
    expect(data(await ask('db.default.svc.cluster.local', 'A'), 'A').sort()).toEqual([
      '10.244.1.3',
      '10.244.2.3',
    ]);
    expect((await ask('empty.default.svc.cluster.local', 'A')).rcode).toBe('NXDOMAIN');
  });

  it('names endpoints by hostname or dashed address', async () => {
    expect(data(await ask('db-0.db.default.svc.cluster.local', 'A'), 'A')).toEqual(['10.244.1.3']);
    expect(data(await ask('10-244-2-3.db.default.svc.cluster.local', 'A'), 'A')).toEqual(['10.244.2.3']);
    expect((await ask('db-1.db.default.svc.cluster.local', 'A')).rcode).toBe('NXDOMAIN');
  });

  it('answers SRV with the Service’s port, or the endpoints’ ports and their glue', async () => {
    const web = await ask('_http._tcp.web.default.svc.cluster.local', 'SRV');
    expect(data(web, 'SRV')).toEqual([
      { priority: 0, weight: 100, port: 80, target: 'web.default.svc.cluster.local' },
    ]);
    const db = await ask('_http._tcp.db.default.svc.cluster.local', 'SRV');
    expect(data(db, 'SRV')).toHaveLength(2);
    expect(data(db, 'SRV')).toContainEqual({
      priority: 0,
      weight: 50,
      port: 8080,
      target: 'db-0.db.default.svc.cluster.local',
    });
    expect(db.additionals!.map((r) => (r as { data: unknown }).data).sort()).toEqual([
      '10.244.1.3',
      '10.244.2.3',
    ]);
    expect((await ask('_nope._tcp.web.default.svc.cluster.local', 'SRV')).rcode).toBe('NXDOMAIN');
  });

  it('answers PTR for ClusterIPs and endpoints', async () => {
    expect(data(await ask('20.0.96.10.in-addr.arpa', 'PTR'), 'PTR')).toEqual([
      'web.default.svc.cluster.local',
    ]);
    expect(data(await ask('3.1.244.10.in-addr.arpa', 'PTR'), 'PTR')).toEqual([
      'db-0.db.default.svc.cluster.local',
    ]);
  });

  it('follows an ExternalName inside the cluster, and keeps the target’s NXDOMAIN', async () => {
    const alias = await ask('alias.default.svc.cluster.local', 'A');
    expect(data(alias, 'CNAME')).toEqual(['web.default.svc.cluster.local']);
    expect(data(alias, 'A')).toEqual(['10.96.0.20']);
    const nowhere = await ask('nowhere.default.svc.cluster.local', 'A');
    expect(nowhere.rcode).toBe('NXDOMAIN');
    expect(data(nowhere, 'CNAME')).toEqual(['gone.default.svc.cluster.local']);
    expect((await ask('literal.default.svc.cluster.local', 'A')).rcode).toBe('NXDOMAIN');
  });

  it.each([
    ['cluster.local', 'NOERROR'],
    ['svc.cluster.local', 'NOERROR'],
    ['default.svc.cluster.local', 'NOERROR'],
    ['missing.svc.cluster.local', 'NXDOMAIN'],
    ['missing.default.svc.cluster.local', 'NXDOMAIN'],
    ['a.b.c.d.default.svc.cluster.local', 'NXDOMAIN'],
    ['*.default.svc.cluster.local', 'NXDOMAIN'],
    ['other.cluster.local', 'NXDOMAIN'],
  ])('decides %s once for all types: %s', async (name, rcode) => {
    for (const type of ['A', 'AAAA', 'TXT', 'MX', 'SRV', 'SOA'] as const)
      expect((await ask(name, type)).rcode).toBe(rcode);
  });

  it('serves the apex: SOA, NS with glue, version', async () => {
    expect(data(await ask('cluster.local', 'SOA'), 'SOA')[0]).toMatchObject({
      mname: 'ns.dns.cluster.local',
      minimum: 30,
    });
    expect(data(await ask('cluster.local', 'NS'), 'NS')).toHaveLength(1);
    expect(String(data(await ask('dns-version.cluster.local', 'TXT'), 'TXT')[0])).toBe('1.1.0');
  });

  it('answers Pod names by address', async () => {
    expect(data(await ask('10-244-9-9.default.pod.cluster.local', 'A'), 'A')).toEqual(['10.244.9.9']);
    expect((await ask('10-244-9-9.missing.pod.cluster.local', 'A')).rcode).toBe('NXDOMAIN');
  });

  it('echoes the case of the question and follows changes at once', async () => {
    const answer = await ask('WeB.DeFaUlT.sVc.ClUsTeR.lOcAl', 'A');
    expect(answer.questions![0]!.name).toBe('WeB.DeFaUlT.sVc.ClUsTeR.lOcAl');
    expect(data(answer, 'A')).toEqual(['10.96.0.20']);
    client.seed(
      Resources.services,
      service('fresh', { clusterIP: '10.96.0.99', clusterIPs: ['10.96.0.99'], ports: [{ port: 1 }] }),
    );
    await expect
      .poll(async () => data(await ask('fresh.default.svc.cluster.local', 'A'), 'A'))
      .toEqual(['10.96.0.99']);
    client.remove(Resources.services, 'fresh', 'default');
    await expect.poll(async () => (await ask('fresh.default.svc.cluster.local', 'A')).rcode).toBe('NXDOMAIN');
  });

  it('refuses what no block serves only by SERVFAIL at the end of the chain', async () => {
    expect((await ask('example.org', 'A')).rcode).toBe('SERVFAIL');
  });

  it('answers pipelined queries over TCP', async () => {
    const socket = connect(PORT, '127.0.0.1');
    const names = Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? 'web' : 'db'));
    const queries = names.map((n, id) =>
      packet.streamEncode({
        type: 'query',
        id,
        questions: [{ type: 'A', name: `${n}.default.svc.cluster.local` }],
      }),
    );
    const all = Buffer.concat(queries);
    socket.write(all.subarray(0, 37));
    socket.write(all.subarray(37));
    const seen = new Set<number>();
    let rest = Buffer.alloc(0);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.on('data', (chunk) => {
        rest = Buffer.concat([rest, chunk]);
        while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
          const end = 2 + rest.readUInt16BE(0);
          seen.add(packet.decode(rest.subarray(2, end)).id!);
          rest = rest.subarray(end);
        }
        if (seen.size === names.length) resolve();
      });
    });
    socket.destroy();
    expect(seen.size).toBe(50);
  });
});
