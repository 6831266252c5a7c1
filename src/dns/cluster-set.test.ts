import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '#api';
import { createLab, type Lab, namespace, Resources, service, slice, texts } from './testing/lab.js';
import { serviceImports } from './zone/imports.js';

const SET = 'clusterset.local';

function imported(name: string, spec: object): KubeObject {
  return { metadata: { name, namespace: 'testns' }, spec } as KubeObject;
}

/** A slice that a cluster exported. */
function exported(of: string, cluster: string | undefined, addresses: string[], hostname?: string) {
  const made = slice(
    `testns/${of}`,
    addresses.map((a) => ({ addresses: [a], ...(hostname === undefined ? {} : { hostname }) })),
    { suffix: `${cluster}-${hostname}` },
  );
  made.metadata.labels = {
    'multicluster.kubernetes.io/service-name': of,
    ...(cluster === undefined ? {} : { 'multicluster.kubernetes.io/source-cluster': cluster }),
  };
  return made;
}

describe('names of a cluster set', () => {
  let lab: Lab;
  beforeAll(async () => {
    const corefile = `.:53 {\n kubernetes cluster.local ${SET} in-addr.arpa {\n multicluster ${SET}\n }\n}\n`;
    lab = await createLab(corefile, (client) => {
      client.seed(Resources.namespaces, namespace('testns'));
      client.seed(Resources.services, service('testns/own', ['10.0.0.9']));
      const ports = [{ name: 'http', port: 80, protocol: 'TCP' }];
      client.seed(
        serviceImports,
        imported('svc1', { type: 'ClusterSetIP', ips: ['10.0.0.1'], ports }),
        imported('svc6', { type: 'ClusterSetIP', ips: ['10.0.0.2', '1234:abcd::2'], ports }),
        imported('hdls', { type: 'Headless', ports }),
        imported('nocluster', { type: 'Headless', ports }),
      );
      client.seed(
        Resources.endpointSlices,
        exported('hdls', 'cluster1', ['172.0.0.1', '172.0.0.2']),
        exported('hdls', 'cluster2', ['172.0.0.3'], 'web-0'),
        exported('nocluster', undefined, ['172.0.0.9']),
      );
    });
  });
  afterAll(() => lab.stop());

  it.each([
    ['svc1.testns.svc', 'A', 'NOERROR', ['A 10.0.0.1']],
    ['svc1.testns.svc', 'AAAA', 'NOERROR', []],
    ['svc6.testns.svc', 'AAAA', 'NOERROR', ['AAAA 1234:abcd::2']],
    ['_http._tcp.svc1.testns.svc', 'SRV', 'NOERROR', [`SRV 0 100 80 svc1.testns.svc.${SET}`]],
    ['_tcp.svc1.testns.svc', 'SRV', 'NOERROR', []],
    ['_no._tcp.svc1.testns.svc', 'SRV', 'NXDOMAIN', []],
    ['hdls.testns.svc', 'A', 'NOERROR', ['A 172.0.0.1', 'A 172.0.0.2', 'A 172.0.0.3']],
    ['172-0-0-1.cluster1.hdls.testns.svc', 'A', 'NOERROR', ['A 172.0.0.1']],
    ['web-0.cluster2.hdls.testns.svc', 'A', 'NOERROR', ['A 172.0.0.3']],
    ['web-0.cluster1.hdls.testns.svc', 'A', 'NXDOMAIN', []],
    ['172-0-0-1.hdls.testns.svc', 'A', 'NXDOMAIN', []],
    ['cluster1.hdls.testns.svc', 'A', 'NOERROR', []],
    ['cluster3.hdls.testns.svc', 'A', 'NXDOMAIN', []],
    ['nocluster.testns.svc', 'A', 'NXDOMAIN', []],
    ['own.testns.svc', 'A', 'NXDOMAIN', []],
    ['testns.svc', 'A', 'NOERROR', []],
    ['gone.svc', 'A', 'NXDOMAIN', []],
    ['svc', 'A', 'NOERROR', []],
    ['1-2-3-4.testns.pod', 'A', 'NXDOMAIN', []],
  ])('%s %s is %s %j, asked once and again', async (name, type, rcode, answers) => {
    for (let i = 0; i < 2; i++) {
      const reply = await lab.ask(`${name}.${SET}`, type);
      expect([reply.rcode, texts(reply.answers ?? [])]).toEqual([rcode, answers]);
      if (answers.length === 0) expect(texts(reply.authorities ?? [])).toEqual([`SOA ns.dns.${SET}`]);
    }
  });

  it('name each endpoint of a headless import after its cluster in SRV', async () => {
    expect(await lab.answers(`hdls.testns.svc.${SET}`, 'SRV')).toEqual([
      `SRV 0 33 8080 172-0-0-1.cluster1.hdls.testns.svc.${SET}`,
      `SRV 0 33 8080 172-0-0-2.cluster1.hdls.testns.svc.${SET}`,
      `SRV 0 33 8080 web-0.cluster2.hdls.testns.svc.${SET}`,
    ]);
  });

  it('have no reverse names, and are no names of the cluster itself', async () => {
    expect((await lab.ask('1.0.0.172.in-addr.arpa', 'PTR')).rcode).toBe('NXDOMAIN');
    expect((await lab.ask('svc1.testns.svc.cluster.local', 'A')).rcode).toBe('NXDOMAIN');
    expect(await lab.answers('own.testns.svc.cluster.local', 'A')).toEqual(['A 10.0.0.9']);
  });

  it('follow changes of imports and of what the clusters export', async () => {
    const { client, answers } = lab;
    client.seed(serviceImports, imported('svc1', { type: 'ClusterSetIP', ips: ['10.0.0.7'] }));
    await expect.poll(() => answers(`svc1.testns.svc.${SET}`, 'A')).toEqual(['A 10.0.0.7']);
    client.seed(Resources.endpointSlices, exported('hdls', 'cluster1', ['172.0.0.4']));
    await expect.poll(() => answers(`hdls.testns.svc.${SET}`, 'A')).toEqual(['A 172.0.0.3', 'A 172.0.0.4']);
  });
});

describe('zonal names', () => {
  const zoned = (ip: string, zone?: string) => ({ addresses: [ip], ...(zone === undefined ? {} : { zone }) });
  const seed = (client: Lab['client']) => {
    client.seed(Resources.namespaces, namespace('testns'));
    client.seed(
      Resources.services,
      service('testns/hdls', []),
      service('testns/none', []),
      service('testns/clstr', ['10.0.0.10']),
    );
    client.seed(
      Resources.endpointSlices,
      slice('testns/hdls', [
        zoned('172.0.0.1', 'us-west-2a'),
        zoned('172.0.0.2', 'us-west-2b'),
        zoned('172.0.0.3', 'us-west-2b'),
      ]),
    );
  };
  const corefile = (option: string) => `.:53 {\n kubernetes cluster.local {\n ${option}\n }\n}\n`;
  let lab: Lab;
  beforeAll(async () => {
    lab = await createLab(corefile('zonal'), seed);
  });
  afterAll(() => lab.stop());
  const srv = (n: number, weight: number) =>
    `SRV 0 ${weight} 8080 172-0-0-${n}.hdls.testns.svc.cluster.local`;

  it.each([
    ['us-west-2a.pin._zone.hdls', 'A', 'NOERROR', ['A 172.0.0.1']],
    ['us-west-2b.pin._zone.hdls', 'A', 'NOERROR', ['A 172.0.0.2', 'A 172.0.0.3']],
    ['us-west-2c.pin._zone.hdls', 'A', 'NOERROR', []],
    ['us-west-2a.prefer._zone.hdls', 'A', 'NOERROR', ['A 172.0.0.1']],
    ['us-west-2c.prefer._zone.hdls', 'A', 'NOERROR', ['A 172.0.0.1', 'A 172.0.0.2', 'A 172.0.0.3']],
    ['us-west-2a.pin._zone.ghost', 'A', 'NXDOMAIN', []],
    ['us-west-2a.florp._zone.hdls', 'A', 'NXDOMAIN', []],
    ['us-west-2a.pin._zone.clstr', 'A', 'NXDOMAIN', []],
    ['us-west-2a.pin._zone.none', 'A', 'NXDOMAIN', []],
    ['us-west-2c.pin._zone.hdls', 'TXT', 'NOERROR', []],
    ['us-west-2c.prefer._zone.hdls', 'SRV', 'NOERROR', [srv(1, 33), srv(2, 33), srv(3, 33)]],
    ['us-west-2c.prefer._zone.hdls', 'TXT', 'NOERROR', []],
    ['us-west-2b.pin._zone.hdls', 'SRV', 'NOERROR', [srv(2, 50), srv(3, 50)]],
    ['pin._zone.hdls', 'A', 'NOERROR', []],
    ['_zone.hdls', 'A', 'NOERROR', []],
    ['a.us-west-2b.pin._zone.hdls', 'A', 'NXDOMAIN', []],
  ])('%s %s is %s %j', async (name, type, rcode, answers) => {
    const reply = await lab.ask(`${name}.testns.svc.cluster.local`, type);
    expect([reply.rcode, texts(reply.answers ?? [])]).toEqual([rcode, answers]);
  });

  it('do not exist without the option', async () => {
    const plain = await createLab(corefile('ttl 5'), seed);
    expect((await plain.ask('us-west-2a.pin._zone.hdls.testns.svc.cluster.local', 'A')).rcode).toBe(
      'NXDOMAIN',
    );
    await plain.stop();
  });

  it('follow an endpoint to another zone', async () => {
    lab.client.seed(Resources.endpointSlices, slice('testns/hdls', [zoned('172.0.0.1', 'us-west-2c')]));
    const name = 'us-west-2c.pin._zone.hdls.testns.svc.cluster.local';
    await expect.poll(() => lab.answers(name, 'A')).toEqual(['A 172.0.0.1']);
  });
});
