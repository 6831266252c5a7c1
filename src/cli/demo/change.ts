import type { core } from '#api';
import { Resources } from '#client';
import { showTally, type Tally } from './balancing.js';
import { expect, step, table } from './console.js';
import { KernelWatch } from './kernel-watch.js';
import { hello } from './registration.js';
import { inClient, isReady, readyPods, type Session, until } from './session.js';

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
  const at = await watch.find(mentions(ip), since);
  await until('the replacement', [session.informers.informer(Resources.pods)], () =>
    readyPods(session, 'hello').find((p) => !others.has(p.metadata.uid)),
  );
  return [`Pod ${name} deleted`, `${(at - since).toFixed(1)} ms`, 'the DELETE request'];
}

async function addOne(session: Session, watch: KernelWatch): Promise<string[]> {
  const known = new Set(readyPods(session, 'hello').map((p) => p.metadata.uid));
  const pods = session.informers.informer(Resources.pods);
  let readyAt = 0;
  const remove = pods.on({
    update: (now: core.Pod, old: core.Pod) => {
      if (
        !known.has(now.metadata.uid) &&
        now.metadata.labels?.['app'] === 'hello' &&
        isReady(now) &&
        !isReady(old)
      )
        readyAt = performance.now();
    },
  });
  const since = performance.now();
  await session.client
    .resource(Resources.deployments)
    .patch('hello', 'default', 'merge', { spec: { replicas: 4 } });
  const pod = await until('the fourth Pod', [pods], () =>
    readyPods(session, 'hello').find((p) => !known.has(p.metadata.uid)),
  );
  remove();
  const at = await watch.find(mentions(pod.status!.podIP!), since);
  return [
    `Pod ${pod.metadata.name} added`,
    `${Math.max(0, at - readyAt).toFixed(1)} ms`,
    'its Ready condition',
  ];
}

/** The address as a whole, not as the beginning of a longer one. */
function mentions(ip: string): RegExp {
  return new RegExp(`(^|[^0-9.])${ip.replaceAll('.', '\\.')}([^0-9.]|$)`);
}
