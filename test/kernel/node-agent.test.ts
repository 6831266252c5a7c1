import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { core } from '#api';
import {
  createAuthority,
  createLogger,
  createMetrics,
  issueCertificate,
  type KeyPair,
  silentLogger,
  systemClock,
} from '#base';
import { createInformerFactory, Resources } from '#client';
import { FakeClient } from '#client/testing';
import { createPrograms } from '#host';
import { createNodeAgent } from '#node';
import { inNamespaces } from './node-namespace.js';

const NODE = 'node-1';

function pod(
  name: string,
  over: { spec?: Partial<core.PodSpec>; container?: Partial<core.Container> } = {},
): core.Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', generation: 1 },
    spec: {
      nodeName: NODE,
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 5,
      dnsPolicy: 'ClusterFirst',
      containers: [{ name: 'main', image: 'host', command: ['sleep', '1000'], ...over.container }],
      ...over.spec,
    },
    status: { phase: 'Pending' },
  };
}

function tests(): void {
  const directory = mkdtempSync(join(tmpdir(), 'kubesvc-agent-'));
  const logger = process.env['DEBUG_NODE']
    ? createLogger({ level: 'debug', component: 'node' })
    : silentLogger;
  const programs = createPrograms({ logger });
  const client = new FakeClient();
  const informers = createInformerFactory(client, { logger });
  let agent: ReturnType<typeof createNodeAgent>;
  let admin: KeyPair;
  let ca: KeyPair;

  beforeAll(async () => {
    await programs.start();
    await programs.run('ip', ['link', 'set', 'lo', 'up']);
    await programs.run('ip', ['address', 'add', '172.30.0.11/32', 'dev', 'lo']);
    ca = await createAuthority('ca');
    const server = await issueCertificate(ca, {
      commonName: 'node',
      ipAddresses: ['127.0.0.1'],
      usages: ['server'],
    });
    admin = await issueCertificate(ca, {
      commonName: 'admin',
      organizations: ['system:masters'],
      usages: ['client'],
    });
    client.seed(Resources.services, {
      metadata: { name: 'kubernetes', namespace: 'default' },
      spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, protocol: 'TCP' }] },
    });
    client.seed(Resources.configMaps, {
      metadata: { name: 'cfg', namespace: 'default' },
      data: { a: '1', 'b.txt': 'two\n' },
    });
    agent = createNodeAgent(
      {
        name: NODE,
        nodeIPs: ['172.30.0.11'],
        dataDir: directory,
        clusterDNS: ['10.96.0.10'],
        podCIDRs: ['10.244.1.0/24'],
        server: { certificate: server.certificate, key: server.key, clientCa: ca.certificate },
      },
      { client, informers, programs, logger, metrics: createMetrics(), clock: systemClock },
    );
    await agent.start();
  });
  afterAll(async () => {
    await agent.stop();
    informers.stop();
    await programs.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Resolves when the stored pod fits; polls the fake's memory. */
  async function until(
    name: string,
    what: (pod: core.Pod | undefined) => boolean,
    ms = 15_000,
  ): Promise<core.Pod> {
    const end = Date.now() + ms;
    for (;;) {
      const found = client.all(Resources.pods).find((p) => p.metadata.name === name);
      if (what(found)) return found!;
      if (Date.now() > end) throw new Error(`pod ${name}: ${JSON.stringify(found?.status, null, 1)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  const isReady = (p: core.Pod | undefined) =>
    p?.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
  const markDeleted = (p: core.Pod) =>
    client.seed(Resources.pods, {
      ...p,
      metadata: {
        ...p.metadata,
        deletionTimestamp: new Date().toISOString(),
        deletionGracePeriodSeconds: p.spec?.terminationGracePeriodSeconds ?? 5,
      },
    });
  const create = (p: core.Pod) => client.resource(Resources.pods).create(p);

  function call(path: string, cert: KeyPair | null = admin): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        {
          host: '127.0.0.1',
          port: 10250,
          path,
          ca: ca.certificate,
          cert: cert?.certificate,
          key: cert?.key,
          agent: false,
        },
        (response) => {
          let body = '';
          response.on('data', (chunk) => (body += chunk));
          response.on('end', () => resolve({ status: response.statusCode!, body }));
        },
      );
      request.on('error', reject).end();
    });
  }

  it('registers a Ready node with a lease', async () => {
    const node = client.all(Resources.nodes).find((n) => n.metadata.name === NODE);
    expect(node?.status?.conditions?.map((c) => [c.type, c.status])).toEqual([
      ['NetworkUnavailable', 'False'],
      ['MemoryPressure', 'False'],
      ['DiskPressure', 'False'],
      ['PIDPressure', 'False'],
      ['Ready', 'True'],
    ]);
    expect(client.all(Resources.leases)[0]?.spec?.holderIdentity).toBe(NODE);
  });

  it('runs a pod to Ready, with an address, and deletes it', async () => {
    await create(
      pod('web', {
        container: { command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.05; done'] },
      }),
    );
    const ready = await until('web', isReady);
    expect(ready.status).toMatchObject({
      phase: 'Running',
      podIP: expect.stringMatching(/^10\.244\.1\./),
      hostIP: '172.30.0.11',
    });
    markDeleted(ready);
    await until('web', (p) => p === undefined);
  });

  it('writes logs, environment, DNS and files as Kubernetes does', async () => {
    await create(
      pod('env', {
        container: {
          command: [
            'sh',
            '-c',
            'env | sort; cat /etc/resolv.conf /etc/hosts /etc/hostname; cat /cfg/b.txt; ls -A /cfg; echo oops >&2; exit 3',
          ],
          env: [
            { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'A', valueFrom: { configMapKeyRef: { name: 'cfg', key: 'a' } } },
            { name: 'B', value: '$(A)-$(KUBERNETES_SERVICE_HOST)-$(NOPE)-$$(A)' },
          ],
          volumeMounts: [{ name: 'cfg', mountPath: '/cfg' }],
        },
        spec: { restartPolicy: 'Never', volumes: [{ name: 'cfg', configMap: { name: 'cfg' } }] },
      }),
    );
    const done = await until('env', (p) => p?.status?.phase === 'Failed');
    expect(done.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 3,
      reason: 'Error',
    });
    const { status, body } = await call('/containerLogs/default/env/main');
    expect(status).toBe(200);
    expect(body).toContain(`POD_IP=${done.status?.podIP}`);
    expect(body).toContain('B=1-10.96.0.1-$(NOPE)-$(A)');
    expect(body).toContain('KUBERNETES_PORT_443_TCP_ADDR=10.96.0.1');
    expect(body).toContain('search default.svc.cluster.local svc.cluster.local cluster.local');
    expect(body).toContain('nameserver 10.96.0.10\noptions ndots:5\n');
    expect(body).toContain(`${done.status?.podIP}\tenv\nenv\ntwo\n`);
    expect(body).toContain('oops');
    expect((await call('/containerLogs/default/env/main?tailLines=1&timestamps=true')).body).toMatch(
      /^\S+Z oops\n$|^\S+Z \S+\n$/,
    );
  });

  it('says what to do when an image cannot be pulled', async () => {
    await create(pod('image', { container: { image: 'nginx:1.27' } }));
    const waiting = await until(
      'image',
      (p) => p?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ImagePullBackOff',
    );
    expect(waiting.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain('image: host');
    expect(waiting.status?.phase).toBe('Pending');
  });

  it('restarts a failing container at once and then backs off', async () => {
    await create(pod('crash', { container: { command: ['false'] } }));
    const looping = await until(
      'crash',
      (p) => p?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
    );
    expect(looping.status?.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 1 } },
    });
    expect(looping.status?.phase).toBe('Running');
  });

  it('turns a readiness probe into the Ready condition', async () => {
    const server = `require('http').createServer((q, s) => s.end('ok')).listen(8080)`;
    await create(
      pod('probe', {
        container: {
          command: [process.execPath, '-e', server],
          readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 10 },
          livenessProbe: { tcpSocket: { port: 8080 }, initialDelaySeconds: 1 },
          startupProbe: { exec: { command: ['true'] } },
        },
      }),
    );
    await until('probe', isReady);
  });

  it('runs init containers and sidecars in order', async () => {
    await create(
      pod('init', {
        container: {
          command: ['sh', '-c', 'cat /data/x'],
          volumeMounts: [{ name: 'd', mountPath: '/data' }],
        },
        spec: {
          restartPolicy: 'Never',
          volumes: [{ name: 'd', emptyDir: {} }],
          initContainers: [
            {
              name: 'a',
              image: 'host',
              command: ['sh', '-c', 'echo a > /data/x'],
              volumeMounts: [{ name: 'd', mountPath: '/data' }],
            },
            {
              name: 'side',
              image: 'host',
              restartPolicy: 'Always',
              command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.05; done'],
            },
          ],
        },
      }),
    );
    const done = await until('init', (p) => p?.status?.phase === 'Succeeded');
    expect(done.status?.initContainerStatuses?.map((s) => [s.name, s.state?.terminated?.exitCode])).toEqual([
      ['a', 0],
      ['side', 0],
    ]);
    expect((await call('/containerLogs/default/init/main')).body).toBe('a\n');
  });

  it('opens host ports on the address of the node, and closes them with the pod', async () => {
    const server = `require('http').createServer((q, s) => s.end('by host port')).listen(8080)`;
    await create(
      pod('ports', {
        container: {
          command: [process.execPath, '-e', server],
          ports: [{ containerPort: 8080, hostPort: 9090, protocol: 'TCP' }],
          readinessProbe: { tcpSocket: { port: 8080 } },
        },
        spec: { terminationGracePeriodSeconds: 1 },
      }),
    );
    const ready = await until('ports', isReady);
    const get = () =>
      fetch('http://172.30.0.11:9090/', { signal: AbortSignal.timeout(3000) }).then((r) => r.text());
    expect(await get()).toBe('by host port');
    markDeleted(ready);
    await until('ports', (p) => p === undefined);
    expect((await programs.run('nft', ['list', 'tables'])).stdout).not.toContain('kubesvc-hostport');
    await expect(get()).rejects.toThrow();
  });

  it('refuses callers without a certificate of the authority', async () => {
    expect((await call('/pods', null)).status).toBe(401);
    expect((await call('/healthz')).body).toBe('ok');
  });

  it('leaves no process, link or mount of a pod when it stops, and the objects as they are', async () => {
    const stored = client.all(Resources.pods).map((p) => p.metadata.name);
    await agent.stop();
    const processes = (await programs.run('ps', ['-eo', 'args'])).stdout;
    expect(processes).not.toMatch(/kubesvc-(container|sandbox)|sleep infinity/);
    expect((await programs.run('cat', ['/proc/self/mountinfo'])).stdout).not.toContain('kubesvc-volatile');
    // The kernel removes a pod's link with its namespace, a moment after the last process.
    await vi.waitFor(
      async () => expect((await programs.run('ip', ['-o', 'link', 'show', 'type', 'veth'])).stdout).toBe(''),
      { timeout: 10_000, interval: 50 },
    );
    expect(client.all(Resources.pods).map((p) => p.metadata.name)).toEqual(stored);
  });
}

inNamespaces(import.meta.url, 'root', () => describe('node agent as root', tests));
inNamespaces(import.meta.url, 'user', () => describe('node agent in a user namespace', tests));
