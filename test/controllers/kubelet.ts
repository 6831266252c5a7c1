import { type core, isConflict, isNotFound } from '#api';
import { silentLogger } from '#base';
import { type Client, createInformerFactory, Resources } from '#client';

export interface SimulatedKubelet {
  /** Resolves when the nodes are registered and ready. */
  ready: Promise<void>;
  stop(): void;
}

export interface KubeletOptions {
  nodes: string[];
  podStartMs(): number;
}

/** Nodes whose Pods become ready some time after they are bound, and go as soon as they are deleted. */
export function startKubelet(client: Client, options: KubeletOptions): SimulatedKubelet {
  const informers = createInformerFactory(client, { logger: silentLogger });
  const pods = informers.informer(Resources.pods);
  const timers = new Set<NodeJS.Timeout>();
  const started = new Set<string>();
  let nextAddress = 1;
  let stopped = false;

  async function begin(pod: core.Pod): Promise<void> {
    nextAddress += 1;
    const ip = `10.244.${nextAddress >> 8}.${nextAddress & 255}`;
    const now = `${new Date().toISOString().slice(0, 19)}Z`;
    const condition = (type: string) => ({ type, status: 'True', lastTransitionTime: now });
    const status = {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      startTime: now,
      conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(condition),
    };
    const { name, namespace } = pod.metadata;
    await quietly(
      client
        .resource(Resources.pods)
        .patch(name!, namespace, 'strategic', { status }, { subresource: 'status' }),
    );
  }

  function remove(pod: core.Pod): Promise<unknown> {
    const { name, namespace, uid } = pod.metadata;
    return quietly(
      client.resource(Resources.pods).delete(name!, namespace, {
        gracePeriodSeconds: 0,
        preconditions: { uid: uid! },
      }),
    );
  }

  function seen(pod: core.Pod): void {
    if (stopped || !options.nodes.includes(pod.spec?.nodeName ?? '')) return;
    if (pod.metadata.deletionTimestamp !== undefined) return void remove(pod);
    if (started.has(pod.metadata.uid!) || pod.status?.phase === 'Running') return;
    started.add(pod.metadata.uid!);
    const timer = setTimeout(() => {
      timers.delete(timer);
      void begin(pod);
    }, options.podStartMs());
    timers.add(timer);
  }

  async function register(name: string): Promise<void> {
    const now = `${new Date().toISOString().slice(0, 19)}Z`;
    await client.resource(Resources.nodes).create({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name } },
      status: {
        capacity: { cpu: '64', memory: '256Gi', pods: '10000' },
        allocatable: { cpu: '64', memory: '256Gi', pods: '10000' },
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: 'KubeletReady',
            message: 'simulated',
            lastHeartbeatTime: now,
            lastTransitionTime: now,
          },
        ],
      },
    });
  }

  pods.on({ add: seen, update: seen });
  informers.start();
  const ready = Promise.all(options.nodes.map(register)).then(() => informers.synced());
  return {
    ready,
    stop() {
      stopped = true;
      informers.stop();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** The Pod may be gone or changed by now; its next event decides. */
async function quietly(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
