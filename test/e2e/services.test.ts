import { describe, expect, it } from 'vitest';
import { kubesvc } from './harness.js';
import { IDLE, pod, service, webPod } from './manifests.js';
import { type Space, useCluster, useSpace } from './space.js';

const TIMEOUT = { timeout: 60_000, interval: 500 };
const CURL = ['curl', '-sS', '--max-time', '20'];

describe('Services on two nodes', () => {
  const cluster = useCluster();
  const newSpace = useSpace(cluster);

  /** A space with a client Pod named `client`. */
  const withClient = async (...objects: object[]) => {
    const s = await newSpace();
    await s.apply(pod('client', IDLE, { spec: { nodeName: 'node-1' } }), ...objects);
    await s.ready('pod --all');
    return s;
  };
  const dig = async (s: Space, ...query: string[]) =>
    (await s.exec('client', 'dig', '+short', '+search', ...query)).trim().split('\n').sort();
  const onNode = (node: string, ...command: string[]) =>
    kubesvc(['shell', node, '--data-dir', cluster().dataDir, '--', ...command]);
  /** Until the proxies know the Service's endpoints. */
  const served = (s: Space, url: string, pattern: RegExp) =>
    expect
      .poll(async () => (await s.kubectl(['exec', 'client', '--', ...CURL, url])).stdout, TIMEOUT)
      .toMatch(pattern);

  it('finds and balances by every form of the name', async () => {
    const s = await withClient(
      webPod('web-1', { app: 'web' }),
      webPod('web-2', { app: 'web' }),
      service('web'),
    );
    await served(s, 'http://web/', /^web-/);
    for (const name of ['web', `web.${s.namespace}`, `web.${s.namespace}.svc.cluster.local`]) {
      expect(await s.exec('client', ...CURL, `http://${name}/`)).toMatch(/^web-[12] /);
    }
    const ip = await s.field('service web', '{.spec.clusterIP}');
    expect(await dig(s, 'web')).toEqual([ip]);
    expect(await dig(s, '-x', ip)).toEqual([`web.${s.namespace}.svc.cluster.local.`]);
    expect(await dig(s, 'SRV', '_http._tcp.web')).toEqual([`0 100 80 web.${s.namespace}.svc.cluster.local.`]);
    const answers = await s.exec(
      'client',
      'sh',
      '-c',
      `for i in $(seq 40); do ${CURL.join(' ')} http://web/; done`,
    );
    expect(
      new Set(
        answers
          .trim()
          .split('\n')
          .map((l) => l.split(' ')[0]),
      ),
    ).toEqual(new Set(['web-1', 'web-2']));
  });

  it('names the Pods of a headless Service, by host name too, ready or not', async () => {
    const spec = { hostname: 'zero', subdomain: 'set' };
    const unready = { readinessProbe: { exec: { command: ['false'] } } };
    const s = await withClient(
      webPod('a', { app: 'set' }, spec),
      service('set', { clusterIP: 'None' }),
      service('all', { clusterIP: 'None', publishNotReadyAddresses: true, selector: { app: 'late' } }),
      service('only-ready', { clusterIP: 'None', selector: { app: 'late' } }),
    );
    await s.apply(pod('late', IDLE, { container: unready }));
    const ip = await s.field('pod a', '{.status.podIP}');
    await expect.poll(() => dig(s, 'set'), TIMEOUT).toEqual([ip]);
    expect(await dig(s, 'zero.set')).toEqual([ip]);
    expect(await s.exec('a', 'hostname', '-f')).toBe(`zero.set.${s.namespace}.svc.cluster.local\n`);
    await expect.poll(() => s.field('pod late', '{.status.podIP}'), TIMEOUT).toMatch(/^10\./);
    await expect.poll(() => dig(s, 'all'), TIMEOUT).toEqual([await s.field('pod late', '{.status.podIP}')]);
    expect(await dig(s, 'only-ready')).toEqual(['']);
  });

  it('answers an ExternalName with a CNAME', async () => {
    const s = await withClient();
    await s.ok(['create', 'service', 'externalname', 'away', '--external-name=target.example']);
    await expect
      .poll(
        () => s.exec('client', 'dig', '+noall', '+answer', `away.${s.namespace}.svc.cluster.local`),
        TIMEOUT,
      )
      .toMatch(/CNAME\s+target\.example\./);
  });

  it('keeps a client at one Pod with sessionAffinity: ClientIP', async () => {
    const sticky = { sessionAffinity: 'ClientIP', selector: { app: 'web' } };
    const pods = [1, 2, 3].map((n) => webPod(`web-${n}`, { app: 'web' }));
    const s = await withClient(...pods, service('sticky', sticky));
    await served(s, 'http://sticky/', /^web-/);
    const answers = await s.exec(
      'client',
      'sh',
      '-c',
      `for i in $(seq 30); do ${CURL.join(' ')} http://sticky/; done`,
    );
    expect(
      new Set(
        answers
          .trim()
          .split('\n')
          .map((l) => l.split(' ')[0]),
      ).size,
    ).toBe(1);
  });

  it('answers NodePorts on every node; externalTrafficPolicy: Local only where a Pod is, with the source kept', async () => {
    const s = await withClient(webPod('web', { app: 'web' }, { nodeName: 'node-2' }));
    await s.apply(
      service('anywhere', { type: 'NodePort', selector: { app: 'web' } }),
      service('local', { type: 'NodePort', selector: { app: 'web' }, externalTrafficPolicy: 'Local' }),
    );
    const port = (name: string) => s.field(`service ${name}`, '{.spec.ports[0].nodePort}');
    const [anywhere, local] = [await port('anywhere'), await port('local')];
    // From a node that is neither target: node-1 asks for node-2 and the other way round.
    const ask = (from: string, to: string, number: string) =>
      onNode(from, 'curl', '-sS', '--max-time', '3', `http://${to}:${number}/`);
    await expect
      .poll(async () => (await ask('node-2', '172.30.0.11', anywhere)).stdout, TIMEOUT)
      .toMatch(/^web /);
    await expect
      .poll(async () => (await ask('node-1', '172.30.0.12', anywhere)).stdout, TIMEOUT)
      .toMatch(/^web /);
    await expect
      .poll(async () => (await ask('node-1', '172.30.0.12', local)).stdout, TIMEOUT)
      .toMatch(/^web (::ffff:)?172\.30\.0\.11\n/);
    // node-1 has no Pod of the Service: it drops what comes from elsewhere.
    expect((await ask('node-2', '172.30.0.11', local)).code).not.toBe(0);
  });

  it('carries UDP', async () => {
    const echo = `const s = require('dgram').createSocket('udp4');
      process.on('SIGTERM', () => process.exit(0));
      s.on('message', (m, r) => s.send('echo ' + m, r.port, r.address)).bind(5353);`;
    const udp = {
      ports: [{ name: 'udp', protocol: 'UDP', port: 53, targetPort: 5353 }],
      selector: { app: 'echo' },
    };
    const s = await withClient(
      pod('echo', '', { container: { command: ['node', '-e', echo] } }),
      service('echo', udp),
    );
    const ask = `const s = require('dgram').createSocket('udp4');
      s.on('message', (m) => { console.log(String(m)); process.exit(0); });
      s.send('hi', 53, 'echo'); setTimeout(() => process.exit(1), 3000);`;
    await expect
      .poll(async () => (await s.kubectl(['exec', 'client', '--', 'node', '-e', ask])).stdout, TIMEOUT)
      .toBe('echo hi\n');
  });

  it('refuses at once what has no endpoints, and serves when one comes', async () => {
    const s = await withClient(service('empty'));
    await expect
      .poll(async () => (await s.kubectl(['exec', 'client', '--', ...CURL, 'http://empty/'])).stderr, TIMEOUT)
      .toMatch(/Connection refused|Couldn't connect|Failed to connect/);
    const refused = await s.kubectl([
      'exec',
      'client',
      '--',
      'sh',
      '-c',
      `${CURL.join(' ')} -o /dev/null -w "%{exitcode}" http://empty/`,
    ]);
    // 7 is curl's "refused"; a dropped packet would be 28, a timeout.
    expect(refused.stdout).toBe('7');
    await s.apply(webPod('empty-1', { app: 'empty' }));
    await served(s, 'http://empty/', /^empty-1 /);
    await s.ok(['delete', 'pod', 'empty-1', '--timeout=60s']);
    await expect
      .poll(async () => (await s.kubectl(['exec', 'client', '--', ...CURL, 'http://empty/'])).code, TIMEOUT)
      .toBe(7);
  });

  it('serves endpoints written by hand for a Service without selector', async () => {
    const s = await withClient(webPod('web', { app: 'web' }));
    const ip = await s.field('pod web', '{.status.podIP}');
    await s.apply(
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'manual' }, spec: { ports: [{ port: 80 }] } },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'manual-1', labels: { 'kubernetes.io/service-name': 'manual' } },
        addressType: 'IPv4',
        ports: [{ port: 8080, protocol: 'TCP' }],
        endpoints: [{ addresses: [ip] }],
      },
    );
    await served(s, 'http://manual/', /^web /);
  });

  it('reaches itself through its own Service, and keeps internalTrafficPolicy: Local on the node', async () => {
    const s = await withClient(
      webPod('web', { app: 'web' }, { nodeName: 'node-1' }),
      webPod('far', { app: 'far' }, { nodeName: 'node-2' }),
      service('web'),
      service('far-local', { selector: { app: 'far' }, internalTrafficPolicy: 'Local' }),
      service('near-local', { selector: { app: 'web' }, internalTrafficPolicy: 'Local' }),
    );
    await served(s, 'http://near-local/', /^web /);
    await served(s, 'http://web/', /^web /);
    // Its bare name is its own host name, so the Service needs the longer one.
    expect(await s.exec('web', ...CURL, `http://web.${s.namespace}/`)).toMatch(/^web /);
    const far = await s.kubectl([
      'exec',
      'client',
      '--',
      'curl',
      '-sS',
      '--max-time',
      '3',
      'http://far-local/',
    ]);
    expect(far.code).not.toBe(0);
  });
});
