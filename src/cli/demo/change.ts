import type { core } from '#api';
import { Resources } from '#client';
import { showTally, type Tally } from './balancing.js';
import { expect, step, table } from './console.js';
import { KernelWatch } from './kernel-watch.js';
import { hello } from './registration.js';
import { inClient, readyPods, type Session, until } from './session.js';

/** One Pod goes, its replacement and one more come, under constant load. */
export async function changeSteps(session: Session): Promise<void> {
  await step(
    'change under load',
    'While the client keeps sending, one Pod is deleted and one is added; no request may fail.',
    async () => {
      const ip = (await hello(session)).spec!.clusterIP!;
      const watch = await KernelWatch.open(session, 'node-1');
      try {
        await watch.ready();
        await inClient(session, 'startload', { url: `http://${ip}/`, parallel: 4 });
        const rows = [await deleteOne(session, watch), await addOne(session, watch)];
        const tally = await inClient<Tally>(session, 'stopload');
        table(['change', 'API to kernel', 'measured from'], rows);
        showTally(session, tally);
        expect(Object.keys(tally.errors).length === 0, `requests failed: ${JSON.stringify(tally.errors)}`);
        expect(tally.total > 100, `only ${tally.total} requests were made`);
      } finally {
        watch.close();
      }
    },
  );
}

async function deleteOne(session: Session, watch: KernelWatch): Promise<string[]> {
  const [pod] = readyPods(session, 'hello');
  const { name, namespace } = pod!.metadata;
  const ip = pod!.status!.podIP!;
  const others = new Set(readyPods(session, 'hello').map((p) => p.metadata.uid));
  const since = performance.now();
  await session.client.resource(Resources.pods).delete(name!, namespace);
  const at = await watch.addressIs('absent', ip, since);
  await until('the replacement', [session.informers.informer(Resources.pods)], () =>
    readyPods(session, 'hello').find((p) => !others.has(p.metadata.uid)),
  );
  return [`Pod ${name} deleted`, `${(at - since).toFixed(1)} ms`, 'the DELETE request'];
}

const GATE = 'kubesvc.dev/demo';

/**
 * Adds a Pod behind a readiness gate that the demo itself opens, so that there is one API write to measure from: the
 * gate's condition → the Pod's Ready condition → the EndpointSlice → the kernel.
 */
async function addOne(session: Session, watch: KernelWatch): Promise<string[]> {
  const pods = session.informers.informer(Resources.pods);
  const [model] = readyPods(session, 'hello');
  const { nodeName: _anyNode, volumes: _injected, ...spec } = structuredClone(model!.spec!);
  for (const container of spec.containers) delete container.volumeMounts;
  const pod: core.Pod = {
    metadata: { name: 'hello-added', namespace: 'default', labels: { app: 'hello' } },
    spec: { ...spec, readinessGates: [{ conditionType: GATE }] },
  };
  await session.client.resource(Resources.pods).create(pod);
  const waiting = await until('the added Pod', [pods], () => {
    const found = pods.get('default/hello-added');
    return found?.status?.conditions?.some((c) => c.type === 'ContainersReady' && c.status === 'True') ===
      true
      ? found
      : undefined;
  });
  const since = performance.now();
  const condition = { type: GATE, status: 'True' };
  await session.client
    .resource(Resources.pods)
    .patch(
      'hello-added',
      'default',
      'strategic',
      { status: { conditions: [condition] } },
      { subresource: 'status' },
    );
  const at = await watch.addressIs('present', waiting.status!.podIP!, since);
  return ['Pod hello-added added', `${(at - since).toFixed(1)} ms`, 'the write that makes it Ready'];
}
