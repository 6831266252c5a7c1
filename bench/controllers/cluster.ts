import type { core, KubeObject } from '#api';
import { type Client, Resources } from '#client';
import type { Store } from '#storage';
import { progress } from './progress.js';

const NODES = 50;
const NAMESPACES = 20;
const PARALLEL = 64;
/** Pods per transaction when they are put into the store behind the API server. */
const BATCH = 100;
const BATCHES_AT_ONCE = 20;

/** The Services `from` up to `to`, each with as many ready Pods. */
export interface Load {
  from: number;
  to: number;
  podsPerService: number;
}

/** Simulated nodes in three zones, and namespaces. The nodes send no heartbeats. */
export async function createNodesAndNamespaces(client: Client): Promise<void> {
  for (let i = 0; i < NODES; i++) {
    const node: core.Node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: `node-${i}`, labels: { 'topology.kubernetes.io/zone': `zone-${i % 3}` } },
      status: { conditions: [{ type: 'Ready', status: 'True' }], allocatable: { cpu: '64', pods: '2000' } },
    };
    await client.resource(Resources.nodes).create(node);
  }
  for (let i = 0; i < NAMESPACES; i++) {
    const metadata = { name: namespaceOf(i) };
    await client.resource(Resources.namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata });
    const account: core.ServiceAccount = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace: metadata.name },
    };
    await client.resource(Resources.serviceAccounts).create(account);
  }
}

/**
 * The Pods as nodes have made them ready: the first one goes through the API, the others are copies of its stored
 * bytes, written in bulk below the API server, which learns of them as it learns of another server's writes.
 */
export async function addPods(client: Client, store: Store, load: Load): Promise<void> {
  const total = (load.to - load.from) * load.podsPerService;
  const template = await storedPod(client, store, load.from);
  const pods = podsOf(load);
  const show = progress('Pods', total);
  const worker = async () => {
    while (pods.length > 0) {
      await store.txn(
        [],
        pods.splice(0, BATCH).map(({ service, index }) => ({
          op: 'put',
          key: podKey(service, index),
          value: Buffer.from(JSON.stringify(copyOf(template, service, index))),
        })),
      );
      show(total - pods.length);
    }
  };
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, worker));
}

/** The Services through the API, as they take their addresses. */
export async function addServices(client: Client, load: Load): Promise<void> {
  const show = progress('Services', load.to - load.from);
  let next = load.from;
  const worker = async () => {
    for (let service = next++; service < load.to; service = next++) {
      await client.resource(Resources.services).create(serviceObject(service));
      show(service - load.from + 1);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

function podsOf({ from, to, podsPerService }: Load): { service: number; index: number }[] {
  const pods = [];
  for (let service = from; service < to; service++)
    for (let index = 0; index < podsPerService; index++) pods.push({ service, index });
  return pods;
}

/** A Pod as a ReplicaSet's would be stored once it runs, under a name of its own that no Service selects. */
async function storedPod(client: Client, store: Store, service: number): Promise<core.Pod> {
  const pods = client.resource(Resources.pods);
  const name = `template-${service}`;
  const namespace = namespaceOf(service);
  await pods.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: 'template', tier: 'template' } },
    spec: {
      nodeName: 'node-0',
      containers: [{ name: 'c', image: 'host', ports: [{ containerPort: 8080 }] }],
    },
  });
  const options = { subresource: 'status' };
  await pods.patch(name, namespace, 'strategic', { status: statusOf(service, 0, true) }, options);
  const { kv } = await store.get(`/registry/pods/${namespace}/${name}`);
  await pods.delete(name, namespace, { gracePeriodSeconds: 0 });
  return JSON.parse(kv!.value.toString()) as core.Pod;
}

function copyOf(template: core.Pod, service: number, index: number): KubeObject {
  const uid = `00000000-0000-4000-8000-${(service * 16 + index).toString(16).padStart(12, '0')}`;
  return {
    ...template,
    metadata: {
      ...template.metadata,
      name: podName(service, index),
      namespace: namespaceOf(service),
      uid,
      labels: { app: `app-${service}`, tier: 'backend' },
    },
    spec: { ...template.spec, nodeName: `node-${(service + index) % NODES}` },
    status: { ...template.status, ...statusOf(service, index, true) },
  } as KubeObject;
}

/** Writes a Pod's Ready condition as its node would. */
export async function setReady(client: Client, service: number, index: number, ready: boolean) {
  const body = { status: statusOf(service, index, ready) };
  await client
    .resource(Resources.pods)
    .patch(podName(service, index), namespaceOf(service), 'strategic', body, { subresource: 'status' });
}

function statusOf(service: number, index: number, ready: boolean): core.PodStatus {
  const n = service * 8 + index;
  const ip = `10.${128 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
  const lastTransitionTime = `${new Date().toISOString().slice(0, 19)}Z`;
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }];
  return { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions };
}

function serviceObject(service: number): core.Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `svc-${service}`, namespace: namespaceOf(service) },
    spec: { selector: { app: `app-${service}`, tier: 'backend' }, ports: [{ port: 80, targetPort: 8080 }] },
  };
}

function namespaceOf(service: number): string {
  return `bench-${service % NAMESPACES}`;
}
function podKey(service: number, index: number): string {
  return `/registry/pods/${namespaceOf(service)}/${podName(service, index)}`;
}
export function podName(service: number, index: number): string {
  return `pod-${service}-${index}`;
}
