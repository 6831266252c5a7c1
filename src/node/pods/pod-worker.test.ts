import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { core } from '#api';
import { FakeClock, silentLogger } from '#base';
import { createInformerFactory, type InformerFactory, Resources } from '#client';
import { FakeClient } from '#client/testing';
import { FakePrograms } from '#host/testing';
import { createConfigSource } from '../env/config-source.js';
import { LogStore } from '../logs/log-store.js';
import { HostPorts } from '../network/host-ports.js';
import { PodNetwork } from '../network/pod-network.js';
import { ContainerStartError } from '../runtime.js';
import { FakeRuntime } from '../testing/fake-runtime.js';
import { createTokenSource } from '../volumes/tokens.js';
import { PodManager } from './pod-manager.js';
import { StatusWriter } from './status-writer.js';

let directory: string;
let clock: FakeClock;
let client: FakeClient;
let runtime: FakeRuntime;
let informers: InformerFactory;
let manager: PodManager;
let statuses: StatusWriter;
let events: string[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'kubesvc-worker-'));
  clock = new FakeClock();
  client = new FakeClient();
  events = [];
  const now = () => clock.now();
  runtime = new FakeRuntime(join(directory, 'volatile'), now);
  const programs = new FakePrograms();
  const logger = silentLogger;
  informers = createInformerFactory(client, { logger });
  const pods = informers.informer(Resources.pods);
  const network = new PodNetwork({ programs, logger });
  await network.start(['10.244.1.0/24']);
  statuses = new StatusWriter({ client, clock, logger, cached: (ns, name) => pods.get(`${ns}/${name}`) });
  manager = new PodManager(pods, {
    client,
    runtime,
    network,
    hostPorts: new HostPorts({ programs, logger }),
    logs: new LogStore({ directory: join(directory, 'logs'), maxBytes: 1e6, maxFiles: 2, now, logger }),
    statuses,
    source: createConfigSource(client, now),
    tokens: createTokenSource(client, now),
    clock,
    logger,
    events: { event: (_, type, reason, message) => events.push(`${type} ${reason} ${message}`) },
    hostIPs: ['172.30.0.11'],
    hostname: 'node-1',
    dns: {
      clusterDNS: ['10.96.0.10'],
      clusterDomain: 'cluster.local',
      node: { nameservers: [], searches: [], options: [] },
    },
    allocatable: () => ({}),
    services: () => [],
    volumePaths: (uid) => ({ disk: join(directory, 'disk', uid), memory: join(directory, 'memory', uid) }),
  });
  informers.start();
  await informers.synced();
  manager.start();
});
afterEach(async () => {
  await manager.stop();
  await statuses.stop();
  informers.stop();
  rmSync(directory, { recursive: true, force: true });
});

const main: core.Container = { name: 'main', image: 'host', command: ['server'] };

async function create(
  spec: Partial<core.PodSpec> = {},
  status: core.PodStatus = { phase: 'Pending' },
): Promise<core.Pod> {
  return client.resource(Resources.pods).create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default' },
    spec: { nodeName: 'node-1', restartPolicy: 'Always', containers: [main], ...spec },
    status,
  });
}
const stored = () => client.all(Resources.pods).find((pod) => pod.metadata.name === 'web');
const status = () => stored()?.status;
const first = () => status()?.containerStatuses?.[0];
const condition = (type: string) => status()?.conditions?.find((c) => c.type === type)?.status;
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 5000, interval: 2 });

function markDeleted(graceSeconds: number): void {
  const pod = stored()!;
  client.seed(Resources.pods, {
    ...pod,
    metadata: {
      ...pod.metadata,
      deletionTimestamp: new Date(clock.now()).toISOString(),
      deletionGracePeriodSeconds: graceSeconds,
    },
  });
}

describe('a pod of a running container', () => {
  it('becomes Running and Ready, with its addresses', async () => {
    await create();
    await eventually(() => expect(condition('Ready')).toBe('True'));
    expect(status()).toMatchObject({
      phase: 'Running',
      podIP: '10.244.1.2',
      podIPs: [{ ip: '10.244.1.2' }],
      hostIP: '172.30.0.11',
    });
    expect(first()).toMatchObject({ ready: true, started: true, restartCount: 0, state: { running: {} } });
  });

  it('is restarted at once after its first end, then after 10 s and 20 s', async () => {
    await create();
    (await runtime.started(0)).exit(1);
    (await runtime.started(1)).exit(1);
    await eventually(() => expect(first()?.state?.waiting?.reason).toBe('CrashLoopBackOff'));
    expect(first()).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 1, reason: 'Error' } },
    });
    expect(first()?.state?.waiting?.message).toContain(
      'back-off 10s restarting failed container=main pod=web_default',
    );
    expect(status()?.phase).toBe('Running');
    expect(condition('Ready')).toBe('False');
    clock.advance(9_999);
    expect(runtime.containers).toHaveLength(2);
    clock.advance(1);
    (await runtime.started(2)).exit(0);
    await eventually(() => expect(first()?.state?.waiting?.message).toContain('back-off 20s'));
    clock.advance(20_000);
    await runtime.started(3);
  });

  it('stays ended with restartPolicy Never and OnFailure when it succeeds', async () => {
    await create({ restartPolicy: 'OnFailure' });
    (await runtime.started(0)).exit(0);
    await eventually(() => expect(status()?.phase).toBe('Succeeded'));
    expect(condition('Ready')).toBe('False');
    expect(runtime.sandboxes.size).toBe(0);
    expect(first()?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
  });

  it('fails at its active deadline', async () => {
    await create({ activeDeadlineSeconds: 30, terminationGracePeriodSeconds: 2 });
    await eventually(() => expect(status()?.phase).toBe('Running'));
    clock.advance(30_000);
    await eventually(() => expect(runtime.containers[0]?.signals).toEqual(['SIGTERM']));
    clock.advance(2_000);
    await eventually(() => expect(status()).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' }));
  });
});

describe('deletion', () => {
  it('signals, waits for the grace period, kills, and removes the object', async () => {
    await create();
    const container = await runtime.started(0);
    await eventually(() => expect(condition('Ready')).toBe('True'));
    markDeleted(5);
    await eventually(() => expect(container.signals).toEqual(['SIGTERM']));
    clock.advance(4_999);
    expect(container.signals).toEqual(['SIGTERM']);
    clock.advance(1);
    await eventually(() => expect(stored()).toBeUndefined());
    expect(container.signals[1]).toBe('SIGKILL');
    expect(runtime.sandboxes.size).toBe(0);
  });

  it('kills earlier when the grace period is shortened', async () => {
    await create();
    const container = await runtime.started(0);
    await eventually(() => expect(condition('Ready')).toBe('True'));
    markDeleted(3600);
    await eventually(() => expect(container.signals).toEqual(['SIGTERM']));
    markDeleted(2);
    await eventually(() => expect(clock.pending).toBeGreaterThan(0));
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2_000);
    await eventually(() => expect(stored()).toBeUndefined());
  });

  it('runs the preStop hook before the signal, and leaves two seconds after it', async () => {
    await create({ containers: [{ ...main, lifecycle: { preStop: { exec: { command: ['bye'] } } } }] });
    const container = await runtime.started(0);
    await eventually(() => expect(condition('Ready')).toBe('True'));
    markDeleted(1);
    await eventually(() => expect(container.signals).toEqual(['SIGTERM']));
    expect(runtime.execs.map((e) => e.command)).toEqual([['bye']]);
    clock.advance(1_000);
    expect(container.signals).toEqual(['SIGTERM']);
    clock.advance(1_000);
    await eventually(() => expect(stored()).toBeUndefined());
  });

  it('ends the processes of a pod that was removed by force', async () => {
    await create({ terminationGracePeriodSeconds: 1 });
    const container = await runtime.started(0);
    await eventually(() => expect(condition('Ready')).toBe('True'));
    client.remove(Resources.pods, 'web', 'default');
    await eventually(() => expect(container.signals).toEqual(['SIGTERM']));
    clock.advance(1_000);
    await eventually(() => expect(runtime.sandboxes.size).toBe(0));
    await eventually(() => expect(manager.workers).toEqual([]));
  });
});

describe('init containers and sidecars', () => {
  const init = (name: string, over: Partial<core.Container> = {}) => ({ ...main, name, ...over });

  it('run one after the other before the main container', async () => {
    await create({ initContainers: [init('a'), init('b')] });
    const a = await runtime.started(0);
    expect(a.config.name).toBe('a');
    await eventually(() => expect(status()?.initContainerStatuses?.[0]?.state?.running).toBeDefined());
    expect(first()?.state?.waiting?.reason).toBe('PodInitializing');
    expect(condition('Initialized')).toBe('False');
    a.exit(0);
    const b = await runtime.started(1);
    expect(b.config.name).toBe('b');
    b.exit(0);
    expect((await runtime.started(2)).config.name).toBe('main');
    await eventually(() => expect(condition('Initialized')).toBe('True'));
  });

  it('fail a pod that is never restarted', async () => {
    await create({ restartPolicy: 'Never', initContainers: [init('a')] });
    (await runtime.started(0)).exit(2);
    await eventually(() => expect(status()?.phase).toBe('Failed'));
    expect(runtime.containers).toHaveLength(1);
  });

  it('go on running as sidecars, count for readiness, and end after the main container', async () => {
    await create({ restartPolicy: 'Never', initContainers: [init('side', { restartPolicy: 'Always' })] });
    const side = await runtime.started(0);
    const server = await runtime.started(1);
    await eventually(() => expect(condition('Ready')).toBe('True'));
    server.exit(0);
    await eventually(() => expect(side.signals).toEqual(['SIGTERM']));
    expect(status()?.phase).toBe('Running');
    side.exit(0);
    await eventually(() => expect(status()?.phase).toBe('Succeeded'));
  });
});

describe('what keeps a container from starting', () => {
  it('is shown: an image that cannot be pulled, with a growing back-off', async () => {
    await create({ containers: [{ ...main, image: 'nginx' }] });
    await eventually(() => expect(first()?.state?.waiting?.reason).toBe('ImagePullBackOff'));
    expect(events).toContain('Warning Failed Error: ErrImagePull');
    expect(status()?.phase).toBe('Pending');
  });

  it('is shown and tried again: a ConfigMap that does not exist yet', async () => {
    const env = [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'cm', key: 'k' } } }];
    await create({ containers: [{ ...main, env }] });
    await eventually(() =>
      expect(first()?.state?.waiting).toEqual({
        reason: 'CreateContainerConfigError',
        message: 'configmap "cm" not found',
      }),
    );
    client.seed(Resources.configMaps, { metadata: { name: 'cm', namespace: 'default' }, data: { k: 'v' } });
    clock.advance(2_000);
    expect((await runtime.started(0)).config.env['X']).toBe('v');
  });

  it('is shown: a volume that cannot be set up, as an Event', async () => {
    await create({ volumes: [{ name: 'v', configMap: { name: 'cm' } }] });
    await eventually(() =>
      expect(events.join('\n')).toContain('FailedMount MountVolume.SetUp failed : configmap "cm" not found'),
    );
    clock.advance(200);
    await eventually(() => expect(first()?.state?.waiting?.reason).toBe('ContainerCreating'));
  });

  it('counts as an end when the program does not exist', async () => {
    runtime.startError = new ContainerStartError('StartError', 'exec: "server": not found');
    await create({ restartPolicy: 'Never' });
    await eventually(() => expect(status()?.phase).toBe('Failed'));
    expect(first()?.state?.terminated).toMatchObject({ exitCode: 128, reason: 'StartError' });
  });
});

describe('a pod that was stored before the agent started', () => {
  const running = (restartCount: number): core.PodStatus => ({
    phase: 'Running',
    podIP: '10.244.1.9',
    podIPs: [{ ip: '10.244.1.9' }],
    containerStatuses: [
      {
        name: 'main',
        image: 'host',
        imageID: 'host',
        ready: true,
        restartCount,
        state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
      },
    ],
  });

  it('is started again as one more restart', async () => {
    await create({}, running(2));
    await eventually(() => expect(first()).toMatchObject({ restartCount: 3, state: { running: {} } }));
    expect(first()?.lastState?.terminated).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
  });

  it('has failed when it must never be restarted', async () => {
    await create({ restartPolicy: 'Never' }, running(0));
    await eventually(() => expect(status()?.phase).toBe('Failed'));
    expect(runtime.containers).toEqual([]);
  });

  it('is left alone when it has ended', async () => {
    const ended = {
      phase: 'Succeeded',
      containerStatuses: [
        {
          name: 'main',
          image: 'host',
          imageID: '',
          ready: false,
          restartCount: 0,
          state: { terminated: { exitCode: 0 } },
        },
      ],
    };
    await create({ restartPolicy: 'Never' }, ended);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(runtime.sandboxes.size).toBe(0);
    expect(status()).toEqual(ended);
  });
});

describe('probes and gates', () => {
  it('make a pod ready only with a True readiness gate', async () => {
    await create({ readinessGates: [{ conditionType: 'example.com/lb' }] });
    await eventually(() => expect(condition('ContainersReady')).toBe('True'));
    expect(condition('Ready')).toBe('False');
    const pod = stored()!;
    await client.resource(Resources.pods).updateSubresource('status', {
      ...pod,
      status: {
        ...pod.status,
        conditions: [...pod.status!.conditions!, { type: 'example.com/lb', status: 'True' }],
      },
    });
    await eventually(() => expect(condition('Ready')).toBe('True'));
    expect(condition('example.com/lb')).toBe('True');
  });

  it("restart a container that its liveness probe finds dead, within the probe's grace period", async () => {
    runtime.execExit = 1;
    const livenessProbe = {
      exec: { command: ['check'] },
      periodSeconds: 1,
      failureThreshold: 2,
      terminationGracePeriodSeconds: 1,
    };
    await create({ containers: [{ ...main, livenessProbe }] });
    const container = await runtime.started(0);
    await eventually(() => expect(first()?.state?.running).toBeDefined());
    clock.advance(1_000);
    await eventually(() => expect(events.join('\n')).toContain('Unhealthy Liveness probe failed'));
    clock.advance(1_000);
    await eventually(() => expect(container.signals).toEqual(['SIGTERM']));
    expect(events).toContain('Normal Killing Container main failed liveness probe, will be restarted');
    clock.advance(1_000);
    await runtime.started(1);
    await eventually(() => expect(first()?.restartCount).toBe(1));
  });

  it('wait for the startup probe', async () => {
    runtime.execExit = 1;
    await create({
      containers: [{ ...main, startupProbe: { exec: { command: ['up'] }, failureThreshold: 100 } }],
    });
    await eventually(() => expect(first()?.state?.running).toBeDefined());
    expect(first()).toMatchObject({ started: false, ready: false });
    runtime.execExit = 0;
    clock.advance(10_000);
    await eventually(() => expect(first()).toMatchObject({ started: true, ready: true }));
  });
});
