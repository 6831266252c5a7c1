import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { core, KubeObject } from '#api';
import { packageRoot, silentLogger } from '#base';
import { createInformerFactory, Resources } from '#client';
import type { Cluster } from '../up/cluster.js';
import { balancingSteps } from './balancing.js';
import { changeSteps } from './change.js';
import { CLIENT_NAME, clientPod } from './client-pod.js';
import { expect, print, step, styled } from './console.js';
import { discoverySteps } from './discovery.js';
import { registrationSteps } from './registration.js';
import { findKubectl, isReady, kubectl, readyPods, type Session, until } from './session.js';

const HELLO = join(packageRoot(), 'examples/hello.yaml');

/** The mission, shown step by step on a running cluster. Throws StepError at the first step that does not hold. */
export async function runDemo(cluster: Cluster, kubeconfig: string, dnsIp: string): Promise<void> {
  const client = cluster.admin;
  const informers = createInformerFactory(client, { logger: silentLogger });
  const session: Session = {
    client,
    informers,
    kubeconfig,
    programs: cluster.programs,
    kubectl: findKubectl(),
    inNode: (node, command) => cluster.inNode(node, command),
  };
  const pods = informers.informer(Resources.pods);
  informers.informer(Resources.endpointSlices);
  informers.informer(Resources.services);
  informers.start();
  try {
    await informers.synced();
    await step('apply', 'A Deployment with 3 replicas and a Service, applied to the API server.', () =>
      apply(session),
    );
    await step(
      'pods run',
      'The scheduler binds each Pod to a node; the node starts its process; the probe makes it Ready.',
      async () => {
        await until('3 ready Pods', [pods], () =>
          readyPods(session, 'hello').length === 3 ? true : undefined,
        );
        await until('the client Pod', [pods], () =>
          pods.inNamespace('default').find((p) => p.metadata.name === CLIENT_NAME && isReady(p)),
        );
        await showPods(session);
      },
    );
    await registrationSteps(session);
    await discoverySteps(session, dnsIp);
    await balancingSteps(session);
    await changeSteps(session);
  } finally {
    informers.stop();
  }
}

async function apply(session: Session): Promise<void> {
  if (session.kubectl === undefined) {
    print(
      `   ${styled('dim', 'there is no kubectl on the PATH (set KUBECTL): the same request goes to the API directly')}`,
    );
    for (const object of manifest()) await applyObject(session, object);
  } else {
    await kubectl(session, ['apply', '-f', HELLO]);
  }
  for (const object of clientObjects()) await applyObject(session, object);
}

function manifest(): KubeObject[] {
  return parseAllDocuments(readFileSync(HELLO, 'utf8')).map((document) => document.toJS() as KubeObject);
}

/** Server-side apply, as `kubectl apply --server-side` would. */
async function applyObject(session: Session, object: KubeObject): Promise<void> {
  const resource = Object.values(Resources).find((r) => r.kind === object.kind);
  expect(resource !== undefined, `no resource for ${object.kind}`);
  await session.client
    .resource<KubeObject>(resource)
    .patch(object.metadata.name!, object.metadata.namespace ?? 'default', 'apply', object, {
      fieldManager: 'kubesvc-demo',
      force: true,
    });
}

/** The client Pod, and the right to read Services for its service account. */
function clientObjects(): KubeObject[] {
  const pod: core.Pod = { apiVersion: 'v1', kind: 'Pod', ...clientPod('node-1') };
  const metadata = { name: 'service-reader', namespace: 'default' };
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata,
    rules: [{ apiGroups: [''], resources: ['services'], verbs: ['get', 'list'] }],
  };
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata,
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'default' }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'service-reader' },
  };
  return [role, binding, pod];
}

async function showPods(session: Session): Promise<void> {
  if (session.kubectl !== undefined) await kubectl(session, ['get', 'pods', '-o', 'wide']);
}
