import type { core } from '#api';
import { createMetrics, type Logger, silentLogger } from '#base';
import { type Client, Resources } from '#client';
import {
  type ControllerManager,
  type ControllerManagerOptions,
  createControllerManager,
  createSchedulerManager,
} from '#controllers';
import { identities, inProcessClient } from '../../src/cli/compose/in-process.js';
import { startServer, type TestServer } from '../apiserver/start-server.js';
import { startKubelet } from './kubelet.js';

/** A control plane in this process with simulated nodes: the real API server, all controllers, the scheduler. */
export interface TestCluster {
  api: TestServer;
  /** A client of the group system:masters. */
  client: Client;
  /** Starts controller manager and scheduler (again). */
  startControllers(options?: ControllerManagerOptions): Promise<void>;
  /** Stops them as a crash would leave things: wherever they are. */
  stopControllers(): Promise<void>;
  close(): Promise<void>;
}

export interface ClusterOptions {
  nodes?: number;
  /** Milliseconds from a Pod's binding to its readiness. */
  podStartMs?: () => number;
  controllers?: ControllerManagerOptions;
  logger?: Logger;
}

export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const api = await startServer();
  const logger = options.logger ?? silentLogger;
  const client = inProcessClient(api.server, identities.admin);
  const kubelet = startKubelet(client, {
    nodes: Array.from({ length: options.nodes ?? 2 }, (_, i) => `node-${i + 1}`),
    podStartMs: options.podStartMs ?? (() => 1),
  });
  let running: { manager: ControllerManager; client: Client }[] = [];
  const cluster: TestCluster = {
    api,
    client,
    async startControllers(settings = options.controllers ?? {}) {
      const forManager = inProcessClient(api.server, identities.controllerManager);
      const forScheduler = inProcessClient(api.server, identities.scheduler);
      const manager = createControllerManager(
        { clusterCidrs: ['10.244.0.0/16'], rootCa: 'PEM', ...settings },
        {
          client: forManager,
          clientFor: (user) => inProcessClient(api.server, user),
          logger,
          metrics: createMetrics(),
        },
      );
      const scheduler = createSchedulerManager(
        {},
        { client: forScheduler, logger, metrics: createMetrics() },
      );
      running = [
        { manager, client: forManager },
        { manager: scheduler, client: forScheduler },
      ];
      for (const each of running) await each.manager.start();
    },
    async stopControllers() {
      for (const each of running) {
        await each.manager.stop();
        each.client.close();
      }
      running = [];
    },
    async close() {
      await cluster.stopControllers();
      kubelet.stop();
      client.close();
      await api.close();
    },
  };
  await kubelet.ready;
  await cluster.startControllers();
  return cluster;
}

/** Creates a namespace and resolves when Pods can be created in it. */
export async function makeNamespace(client: Client, name: string): Promise<void> {
  await client
    .resource(Resources.namespaces)
    .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const accounts = client.resource(Resources.serviceAccounts);
  await until(async () => (await accounts.list({ namespace: name })).items.length > 0);
}

/** Polls until it holds; throws after `ms`. */
export async function until(holds: () => Promise<boolean>, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`did not come true in ${ms} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function isReady(pod: core.Pod): boolean {
  return pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
}
