import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { core } from '#api';
import { containerEnv } from './container-env.js';
import { expand } from './expand.js';
import { ConfigError, fieldValue, type PodFacts, resourceValue } from './fields.js';
import { hostsFile, podHostname, utsName } from './identity.js';
import { divideRoundingUp } from './quantity.js';
import { parseResolvConf, podResolvConf } from './resolv-conf.js';
import { serviceEnv, visibleServices } from './service-env.js';

const pod: core.Pod = {
  metadata: { name: 'web', namespace: 'shop', uid: 'u1', labels: { app: 'web', b: 'two "quoted"' } },
  spec: { nodeName: 'n1', serviceAccountName: 'sa', containers: [{ name: 'main' }] },
};
const facts: PodFacts = {
  pod,
  podIPs: ['10.0.0.5', 'fd00::5'],
  hostIPs: ['172.30.0.11'],
  allocatable: { cpu: '4', memory: '8Gi' },
};

function service(name: string, namespace: string, over: Partial<core.ServiceSpec> = {}): core.Service {
  return {
    metadata: { name, namespace },
    spec: { clusterIP: '10.96.0.7', ports: [{ port: 80, protocol: 'TCP' }], ...over },
  };
}

describe('expand', () => {
  const lookup = (name: string) => ({ A: '1', B: '$(A)' })[name];
  it.each([
    ['$(A)', '1'],
    ['x$(A)y$(A)', 'x1y1'],
    ['$(B)', '$(A)'],
    ['$(C)', '$(C)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$1'],
    ['$A $', '$A $'],
    ['$(A', '$(A'],
    ['$()', '$()'],
  ])('turns %j into %j', (text, wanted) => expect(expand(text, lookup)).toBe(wanted));

  it('leaves text without references as it is, apart from doubled dollars', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes('$('));
        expect(expand(text, lookup)).toBe(text.replaceAll('$$', '$'));
      }),
    );
  });
});

describe('discovery by environment', () => {
  it('has the variables of every port, the first one without a name as the main one', () => {
    const ports = [
      { name: 'http-alt', port: 80, protocol: 'TCP' },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ];
    expect(serviceEnv([service('redis-primary', 'shop', { ports })])).toEqual({
      REDIS_PRIMARY_SERVICE_HOST: '10.96.0.7',
      REDIS_PRIMARY_SERVICE_PORT: '80',
      REDIS_PRIMARY_SERVICE_PORT_HTTP_ALT: '80',
      REDIS_PRIMARY_SERVICE_PORT_DNS: '53',
      REDIS_PRIMARY_PORT: 'tcp://10.96.0.7:80',
      REDIS_PRIMARY_PORT_80_TCP: 'tcp://10.96.0.7:80',
      REDIS_PRIMARY_PORT_80_TCP_PROTO: 'tcp',
      REDIS_PRIMARY_PORT_80_TCP_PORT: '80',
      REDIS_PRIMARY_PORT_80_TCP_ADDR: '10.96.0.7',
      REDIS_PRIMARY_PORT_53_UDP: 'udp://10.96.0.7:53',
      REDIS_PRIMARY_PORT_53_UDP_PROTO: 'udp',
      REDIS_PRIMARY_PORT_53_UDP_PORT: '53',
      REDIS_PRIMARY_PORT_53_UDP_ADDR: '10.96.0.7',
    });
  });

  it('puts IPv6 addresses in brackets in URLs only', () => {
    const env = serviceEnv([service('six', 'shop', { clusterIP: 'fd00::1' })]);
    expect(env['SIX_PORT']).toBe('tcp://[fd00::1]:80');
    expect(env['SIX_SERVICE_HOST']).toBe('fd00::1');
    expect(env['SIX_PORT_80_TCP_ADDR']).toBe('fd00::1');
  });

  it('shows default/kubernetes everywhere, and the own namespace only with service links', () => {
    const all = [
      service('kubernetes', 'default'),
      service('other', 'default'),
      service('own', 'shop'),
      service('headless', 'shop', { clusterIP: 'None' }),
      service('external', 'shop', { clusterIP: '' }),
    ];
    const names = (links: boolean) => visibleServices(all, 'shop', links).map((s) => s.metadata.name);
    expect(names(true)).toEqual(['kubernetes', 'own']);
    expect(names(false)).toEqual(['kubernetes']);
  });

  it('prefers a Service of the own namespace that is called kubernetes', () => {
    const own = service('kubernetes', 'shop');
    expect(visibleServices([own, service('kubernetes', 'default')], 'shop', true)).toEqual([own]);
  });
});

describe('fields', () => {
  it.each([
    ['metadata.name', 'web'],
    ['metadata.uid', 'u1'],
    ['spec.nodeName', 'n1'],
    ['spec.serviceAccountName', 'sa'],
    ['status.podIP', '10.0.0.5'],
    ['status.podIPs', '10.0.0.5,fd00::5'],
    ['status.hostIP', '172.30.0.11'],
    ["metadata.labels['app']", 'web'],
    ["metadata.annotations['none']", ''],
    ['metadata.labels', 'app="web"\nb="two \\"quoted\\""'],
  ])('%s is %j', (path, wanted) => expect(fieldValue(path, facts)).toBe(wanted));

  it('refuses a field that there is not', () =>
    expect(() => fieldValue('spec.containers', facts)).toThrow(ConfigError));

  it('takes the limits of the node for limits that are not set, rounding up to the divisor', () => {
    const container = { resources: { limits: { memory: '1500Ki' }, requests: { cpu: '250m' } } };
    expect(resourceValue({ resource: 'limits.memory', divisor: '1Mi' }, container, facts)).toBe('2');
    expect(resourceValue({ resource: 'limits.cpu' }, container, facts)).toBe('4');
    expect(resourceValue({ resource: 'requests.cpu', divisor: '1m' }, container, facts)).toBe('250');
    expect(resourceValue({ resource: 'requests.cpu', divisor: '0' }, container, facts)).toBe('1');
  });
});

describe('division of quantities', () => {
  it('has no answer for what is no quantity', () => {
    expect(divideRoundingUp('1KI', '1')).toBeUndefined();
    expect(divideRoundingUp('1', '0')).toBeUndefined();
  });
  it('never rounds down', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 1, max: 1e6 }), (value, by) => {
        expect(divideRoundingUp(value, by)).toBe(String(Math.ceil(value / by)));
      }),
    );
  });
});

describe('container environment', () => {
  const source = {
    configMap: async (_: string, name: string) =>
      name === 'cm' ? { metadata: { name }, data: { k: 'v', 'x.y': 'z' } } : undefined,
    secret: async (_: string, name: string) =>
      name === 's' ? { metadata: { name }, data: { pw: Buffer.from('hush').toString('base64') } } : undefined,
  };
  const make = (container: Partial<core.Container>) =>
    containerEnv({ name: 'main', ...container }, { facts, services: [service('db', 'shop')], source });

  it('lets env win over envFrom, and both over Services', async () => {
    const env = await make({
      envFrom: [{ configMapRef: { name: 'cm' } }, { prefix: 'S_', secretRef: { name: 's' } }],
      env: [
        { name: 'k', value: 'own' },
        { name: 'DB_SERVICE_HOST', value: 'mine' },
      ],
    });
    expect(env).toMatchObject({
      k: 'own',
      'x.y': 'z',
      S_pw: 'hush',
      DB_SERVICE_HOST: 'mine',
      DB_SERVICE_PORT: '80',
    });
  });

  it('expands references to earlier variables and to Services only', async () => {
    const env = await make({
      env: [
        { name: 'A', value: '$(B)$(DB_SERVICE_HOST)' },
        { name: 'B', value: '$(A)' },
      ],
    });
    expect(env).toMatchObject({ A: '$(B)10.96.0.7', B: '$(B)10.96.0.7' });
  });

  it("leaves out optional keys that do not exist and refuses the others in upstream's words", async () => {
    const ref = (optional: boolean) => [
      { name: 'X', valueFrom: { configMapKeyRef: { name: 'cm', key: 'nope', optional } } },
    ];
    expect(await make({ env: ref(true) })).not.toHaveProperty('X');
    await expect(make({ env: ref(false) })).rejects.toThrow("couldn't find key nope in ConfigMap shop/cm");
    await expect(
      make({ env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'no', key: 'k' } } }] }),
    ).rejects.toThrow('secret "no" not found');
    await expect(make({ envFrom: [{ configMapRef: { name: 'no' } }] })).rejects.toThrow(
      'configmap "no" not found',
    );
  });
});

describe('resolv.conf', () => {
  const context = {
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    node: parseResolvConf('# x\nnameserver 192.0.2.1\nsearch corp.example.\noptions timeout:2 ndots:1\n'),
  };
  const conf = (spec: Partial<core.PodSpec>) =>
    podResolvConf({ ...pod, spec: { containers: [], ...spec } }, context);

  it('puts the cluster first by default', () =>
    expect(conf({})).toBe(
      'search shop.svc.cluster.local svc.cluster.local cluster.local corp.example\nnameserver 10.96.0.10\noptions ndots:5\n',
    ));
  it("is the node's for Default, and for ClusterFirst on the host network", () => {
    const node = 'search corp.example\nnameserver 192.0.2.1\noptions timeout:2 ndots:1\n';
    expect(conf({ dnsPolicy: 'Default' })).toBe(node);
    expect(conf({ dnsPolicy: 'ClusterFirst', hostNetwork: true })).toBe(node);
  });
  it("is the cluster's for ClusterFirstWithHostNet", () =>
    expect(conf({ dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true })).toContain(
      'nameserver 10.96.0.10',
    ));
  it('has only dnsConfig for None', () =>
    expect(
      conf({
        dnsPolicy: 'None',
        dnsConfig: {
          nameservers: ['1.1.1.1'],
          searches: ['a.b'],
          options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
        },
      }),
    ).toBe('search a.b\nnameserver 1.1.1.1\noptions ndots:2 edns0\n'));
  it('adds dnsConfig to the policy: options by name, no doubles, three nameservers', () =>
    expect(
      conf({
        dnsConfig: {
          nameservers: ['1.1.1.1', '10.96.0.10', '2.2.2.2', '3.3.3.3'],
          searches: ['cluster.local', 'x.y'],
          options: [{ name: 'ndots', value: '3' }],
        },
      }),
    ).toBe(
      'search shop.svc.cluster.local svc.cluster.local cluster.local corp.example x.y\nnameserver 10.96.0.10\nnameserver 1.1.1.1\nnameserver 2.2.2.2\noptions ndots:3\n',
    ));
  it('keeps 32 searches', () => {
    const searches = Array.from({ length: 50 }, (_, i) => `s${i}`);
    const line = conf({ dnsPolicy: 'None', dnsConfig: { searches } }).split('\n')[0]!;
    expect(line.split(' ')).toHaveLength(33);
  });
});

describe('identity', () => {
  const named = (spec: Partial<core.PodSpec>) => ({ ...pod, spec: { containers: [], ...spec } });
  it("uses the pod's name, or hostname and subdomain", () => {
    expect(podHostname(pod, 'cluster.local')).toEqual({ hostname: 'web', domain: '' });
    expect(podHostname(named({ hostname: 'h', subdomain: 's' }), 'cluster.local')).toEqual({
      hostname: 'h',
      domain: 's.shop.svc.cluster.local',
    });
  });
  it('cuts a long name to a label that does not end with a dash or dot', () => {
    const long = { ...pod, metadata: { ...pod.metadata, name: `${'a'.repeat(61)}-.b` } };
    expect(podHostname(long, 'c').hostname).toBe('a'.repeat(61));
  });
  it('answers the FQDN when asked to', () =>
    expect(utsName(named({ subdomain: 's', setHostnameAsFQDN: true }), 'cluster.local')).toBe(
      'web.s.shop.svc.cluster.local',
    ));
  it("writes /etc/hosts with the pod's names and aliases", () => {
    const text = hostsFile(
      named({ hostname: 'h', subdomain: 's', hostAliases: [{ ip: '1.2.3.4', hostnames: ['foo', 'bar'] }] }),
      ['10.0.0.5'],
      'cluster.local',
      undefined,
    );
    expect(text).toContain('127.0.0.1\tlocalhost\n');
    expect(text).toContain('10.0.0.5\th.s.shop.svc.cluster.local\th\n');
    expect(text).toContain('# Entries added by HostAliases.\n1.2.3.4\tfoo\tbar\n');
  });
  it("keeps the node's file on the host network", () =>
    expect(hostsFile(named({ hostNetwork: true }), ['1.1.1.1'], 'c', '127.0.0.1 me\n')).toBe(
      '# Kubernetes-managed hosts file (host network).\n127.0.0.1 me\n',
    ));
});
