import { describe, expect, it } from 'vitest';
import type { apps, core, KubeObject } from '#api';
import { type Startable, systemClock } from '#base';
import { Resources } from '#client';
import { FakeClient } from '#client/testing';
import { createDaemonSetController } from './daemon-set/index.js';
import { createDeploymentController } from './deployment/index.js';
import type { ControllerDeps } from './deps.js';
import { createEndpointSliceController } from './endpoint-slice/index.js';
import { createEndpointSliceMirroringController } from './endpoint-slice-mirroring/index.js';
import { createEndpointsController } from './endpoints/index.js';
import { createGarbageCollector } from './garbage-collector/index.js';
import { createJobController } from './job/index.js';
import { createNamespaceController } from './namespace/index.js';
import { createReplicaSetController } from './replica-set/index.js';
import { createStatefulSetController } from './stateful-set/index.js';
import { CrashingClient, type Loss } from './testing/crashing-client.js';
import { Harness } from './testing/harness.js';
import { simulateKubelet } from './testing/kubelet.js';
import { node, pod, service } from './testing/objects.js';

/** Work for controllers; `result` is compared with `expected` when they have rested. */
interface Scenario {
  name: string;
  controllers: ((deps: ControllerDeps) => Startable)[];
  seed(client: FakeClient): void;
  /** The finished work, without names that differ from run to run. */
  result(client: FakeClient): unknown;
  expected: unknown;
}

const template = (image: string): core.PodTemplateSpec => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', image }] },
});
const deployment: apps.Deployment = {
  metadata: { name: 'web', namespace: 'default', uid: 'd', generation: 1 },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: template('v1'),
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    progressDeadlineSeconds: 600,
  },
};
const daemonSet: apps.DaemonSet = {
  metadata: { name: 'agent', namespace: 'default', uid: 'ds', generation: 1 },
  spec: { selector: { matchLabels: { app: 'web' } }, template: template('v1'), revisionHistoryLimit: 1 },
};
const created = (client: FakeClient, resource: string) =>
  client.actions.filter((action) => action.verb === 'create' && action.resource === resource).length;
const addresses = (client: FakeClient) =>
  client
    .all(Resources.endpointSlices)
    .flatMap((slice) => (slice.endpoints ?? []).flatMap((e) => e.addresses));

const rollout: Scenario = {
  name: 'roll a Deployment out and publish its Pods',
  controllers: [
    (deps) => createDeploymentController({}, deps),
    (deps) => createReplicaSetController({}, deps),
    (deps) => createEndpointSliceController({}, deps),
    (deps) => createEndpointsController({}, deps),
  ],
  seed(client) {
    client.seed(Resources.nodes, node('n1'));
    client.seed(Resources.services, service('web'));
    client.seed(Resources.deployments, deployment);
  },
  result(client) {
    const pods = client.all(Resources.pods);
    const ips = pods.map((each) => each.status?.podIP).sort();
    const subset = client.all(Resources.endpoints)[0]?.subsets?.[0];
    const status = client.all(Resources.deployments)[0]?.status;
    return {
      images: pods.map((each) => each.spec!.containers[0]!.image),
      podsCreated: created(client, 'pods'),
      slices: client.all(Resources.endpointSlices).length,
      inSlices: addresses(client).sort().join() === ips.join(),
      inEndpoints:
        (subset?.addresses ?? [])
          .map((a) => a.ip)
          .sort()
          .join() === ips.join(),
      status: [status?.availableReplicas, status?.updatedReplicas, status?.replicas],
    };
  },
  expected: {
    images: ['v1', 'v1'],
    podsCreated: 2,
    slices: 1,
    inSlices: true,
    inEndpoints: true,
    status: [2, 2, 2],
  },
};

const manySlices: Scenario = {
  name: 'spread many Pods over slices',
  controllers: [(deps) => createEndpointSliceController({ maxEndpointsPerSlice: 10 }, deps)],
  seed(client) {
    client.seed(Resources.nodes, node('n1'));
    client.seed(Resources.services, service('web'));
    for (let i = 0; i < 35; i++) client.seed(Resources.pods, pod(`p${i}`, { ip: `10.0.0.${i}` }));
    const left = {
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    };
    for (const name of ['left-1', 'left-2'])
      client.seed(Resources.endpointSlices, {
        metadata: { name, namespace: 'default', uid: name, labels: left },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.9.9.9'] }],
      });
  },
  result: (client) => ({
    slices: client.all(Resources.endpointSlices).length,
    addresses: addresses(client).sort(),
  }),
  expected: { slices: 4, addresses: Array.from({ length: 35 }, (_, i) => `10.0.0.${i}`).sort() },
};

const mirror: Scenario = {
  name: 'mirror Endpoints of a user',
  controllers: [(deps) => createEndpointSliceMirroringController({}, deps)],
  seed(client) {
    const { selector: _none, ...spec } = service('web').spec!;
    client.seed(Resources.services, { ...service('web'), spec });
    const subset = (ip: string, port: number) => ({
      addresses: [{ ip }],
      ports: [{ port, protocol: 'TCP' }],
    });
    const metadata = { name: 'web', namespace: 'default', uid: 'e' };
    client.seed(Resources.endpoints, { metadata, subsets: [subset('10.0.0.1', 80), subset('10.0.0.2', 81)] });
  },
  result: (client) => ({
    slices: client.all(Resources.endpointSlices).length,
    addresses: addresses(client).sort(),
  }),
  expected: { slices: 2, addresses: ['10.0.0.1', '10.0.0.2'] },
};

const daemons: Scenario = {
  name: 'run a DaemonSet on every node',
  controllers: [(deps) => createDaemonSetController({}, deps)],
  seed(client) {
    client.seed(Resources.nodes, node('n1'), node('n2'));
    client.seed(Resources.daemonSets, daemonSet);
  },
  result: (client) => ({
    nodes: client
      .all(Resources.pods)
      .map((each) => each.spec!.nodeName)
      .sort(),
    podsCreated: created(client, 'pods'),
    revisions: client.all(Resources.controllerRevisions).length,
    available: client.all(Resources.daemonSets)[0]!.status?.numberAvailable,
  }),
  expected: { nodes: ['n1', 'n2'], podsCreated: 2, revisions: 1, available: 2 },
};

const ordered: Scenario = {
  name: 'run a StatefulSet',
  controllers: [(deps) => createStatefulSetController({}, deps)],
  seed(client) {
    client.seed(Resources.nodes, node('n1'));
    const selector = { matchLabels: { app: 'web' } };
    client.seed(Resources.statefulSets, {
      metadata: { name: 'db', namespace: 'default', uid: 's', generation: 1 },
      spec: { replicas: 2, selector, template: template('v1') },
    });
  },
  result: (client) => ({
    pods: client.all(Resources.pods).map((each) => each.metadata.name),
    podsCreated: created(client, 'pods'),
    revisions: client.all(Resources.controllerRevisions).length,
    ready: client.all(Resources.statefulSets)[0]!.status?.readyReplicas,
  }),
  expected: { pods: ['db-0', 'db-1'], podsCreated: 2, revisions: 1, ready: 2 },
};

const work: Scenario = {
  name: 'run a Job to its end',
  controllers: [(deps) => createJobController({}, deps)],
  seed(client) {
    const selector = { matchLabels: { app: 'web' } };
    client.seed(Resources.jobs, {
      metadata: { name: 'work', namespace: 'default', uid: 'j', generation: 1 },
      spec: { parallelism: 2, completions: 2, selector, template: template('v1') },
    });
    client.listen(Resources.pods, ({ type, object }) => {
      if (type !== 'ADDED') return;
      setImmediate(() => {
        const made = client.all(Resources.pods).find((each) => each.metadata.uid === object.metadata.uid);
        if (made !== undefined) client.seed(Resources.pods, { ...made, status: { phase: 'Succeeded' } });
      });
    });
  },
  result(client) {
    const { status } = client.all(Resources.jobs)[0]!;
    return {
      podsCreated: created(client, 'pods'),
      counts: [status?.succeeded, status?.failed, status?.active],
      ended: status?.conditions?.map((each) => each.type),
      held: client.all(Resources.pods).flatMap((each) => each.metadata.finalizers ?? []),
    };
  },
  expected: { podsCreated: 2, counts: [2, 0, 0], ended: ['SuccessCriteriaMet', 'Complete'], held: [] },
};

const owned = (name: string, owner: string): core.ConfigMap => ({
  metadata: {
    name,
    namespace: 'default',
    uid: `uid-${name}`,
    ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: owner, uid: `uid-${owner}` }],
  },
});
const garbage: Scenario = {
  name: 'collect what has lost its owner',
  controllers: [(deps) => createGarbageCollector({}, deps)],
  seed(client) {
    client.seed(Resources.configMaps, owned('child', 'gone'), owned('grandchild', 'child'));
    client.seed(Resources.configMaps, { metadata: { name: 'free', namespace: 'default', uid: 'uid-free' } });
  },
  result: (client) => client.all(Resources.configMaps).map((map) => map.metadata.name),
  expected: ['free'],
};

const namespace: Scenario = {
  name: 'empty a namespace',
  controllers: [(deps) => createNamespaceController({}, deps)],
  seed(client) {
    client.seed(Resources.namespaces, {
      metadata: { name: 'doomed', deletionTimestamp: '2026-01-01T00:00:00Z' },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Terminating' },
    });
    client.seed(Resources.configMaps, { metadata: { name: 'a', namespace: 'doomed' } });
    client.seed(Resources.pods, pod('b', { namespace: 'doomed' }));
    client.seed(Resources.configMaps, { metadata: { name: 'a', namespace: 'other' } });
  },
  result: (client) => ({
    left: [...client.all<KubeObject>(Resources.configMaps), ...client.all<KubeObject>(Resources.pods)].map(
      (object) => object.metadata.namespace,
    ),
    finalizers: client.all(Resources.namespaces)[0]?.spec?.finalizers,
  }),
  expected: { left: ['other'], finalizers: [] },
};

/** Runs the scenario with its `at`-th call lost; false when there are not so many calls. */
async function runWithLoss(scenario: Scenario, at: number, loss: Loss): Promise<boolean> {
  const client = new FakeClient();
  scenario.seed(client);
  const stopKubelet = simulateKubelet(client);
  const crashing = new CrashingClient(client, at, loss);
  let running = new Harness(systemClock, client, crashing);
  const finished = () =>
    expect
      .poll(() => scenario.result(client), { timeout: 4000, interval: 2, message: `${loss} call ${at}` })
      .toEqual(scenario.expected);
  try {
    // One that has lost its connection may never get to its work.
    const started = running.start(...scenario.controllers).catch(() => {});
    const done = finished();
    const lost = await Promise.race([
      crashing.lost.then(() => true),
      done.then(
        () => false,
        () => true,
      ),
    ]);
    if (lost && loss !== 'answer lost') {
      done.catch(() => {});
      await running.stop();
      await started;
      running = new Harness(systemClock, client);
      await running.start(...scenario.controllers);
      await finished();
    } else await done;
    await running.settle();
    expect(scenario.result(client), `at rest, ${loss} call ${at}`).toEqual(scenario.expected);
    return lost;
  } finally {
    await running.stop();
    stopKubelet();
  }
}

describe.each([rollout, manySlices, mirror, daemons, ordered, work, garbage, namespace])(
  'controllers that $name',
  (scenario) => {
    it.each<Loss>(['dead before', 'dead after', 'answer lost'])(
      'finish with nothing too many, whichever of their calls is lost (%s)',
      async (loss) => {
        let at = 1;
        while (await runWithLoss(scenario, at, loss)) at++;
        expect(at, 'calls').toBeGreaterThan(1);
      },
      60_000,
    );
  },
);
