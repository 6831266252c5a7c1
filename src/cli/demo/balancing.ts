import type { core } from '#api';
import { Resources } from '#client';
import { expect, step, table } from './console.js';
import { KernelWatch } from './kernel-watch.js';
import { hello } from './registration.js';
import { inClient, readyPods, type Session } from './session.js';

export interface Tally {
  pods: Record<string, number>;
  errors: Record<string, number>;
  total: number;
}

const REQUESTS = 300;

/** 300 requests through the ClusterIP for each way of balancing. */
export async function balancingSteps(session: Session): Promise<void> {
  const random = await policy(
    session,
    'random',
    'Upstream’s default: every new connection picks an endpoint at random.',
    {},
  );
  expect(Object.keys(random.pods).length === 3, 'some Pod got no request');
  const even = await policy(
    session,
    'round robin',
    'By annotation kubesvc.dev/load-balancing: strictly one after the other, per node.',
    {
      metadata: { annotations: { 'kubesvc.dev/load-balancing': 'round-robin' } },
    },
  );
  expect(spread(even) <= 1, `round robin is uneven: ${JSON.stringify(even.pods)}`);
  const sticky = await policy(
    session,
    'sessionAffinity: ClientIP',
    'All connections of one client go to the Pod that it met first.',
    {
      metadata: { annotations: { 'kubesvc.dev/load-balancing': null } },
      spec: { sessionAffinity: 'ClientIP' },
    },
  );
  expect(Object.keys(sticky.pods).length === 1, `one client reached ${Object.keys(sticky.pods).length} Pods`);
  await patchService(session, { spec: { sessionAffinity: 'None' } });
}

async function policy(session: Session, name: string, why: string, patch: object): Promise<Tally> {
  let tally: Tally = { pods: {}, errors: {}, total: 0 };
  await step(`balancing: ${name}`, why, async () => {
    await patchService(session, patch);
    const ip = (await hello(session)).spec!.clusterIP!;
    tally = await inClient<Tally>(session, 'requests', { url: `http://${ip}/`, n: REQUESTS, parallel: 4 });
    showTally(session, tally);
    expect(Object.keys(tally.errors).length === 0, `requests failed: ${JSON.stringify(tally.errors)}`);
    expect(tally.total === REQUESTS, `${tally.total} requests instead of ${REQUESTS}`);
  });
  return tally;
}

/** Writes the change and waits until the client's node has it in the kernel. */
async function patchService(session: Session, patch: object): Promise<void> {
  if (Object.keys(patch).length === 0) return;
  const watch = await KernelWatch.open(session, 'node-1');
  try {
    await watch.ready();
    const since = performance.now();
    await session.client.resource(Resources.services).patch('hello', 'default', 'merge', patch);
    await watch.find(/./, since);
    await watch.settled();
  } finally {
    watch.close();
  }
}

export function showTally(session: Session, tally: Tally): void {
  const nodes = new Map(
    session.informers
      .informer(Resources.pods)
      .inNamespace('default')
      .map((p: core.Pod) => [p.metadata.name, p.spec?.nodeName ?? '']),
  );
  const names = new Set([
    ...readyPods(session, 'hello').map((p) => p.metadata.name!),
    ...Object.keys(tally.pods),
  ]);
  const rows = [...names].sort().map((pod) => {
    const n = tally.pods[pod] ?? 0;
    return [
      pod,
      nodes.get(pod) ?? 'gone',
      String(n),
      '█'.repeat(Math.round((30 * n) / Math.max(1, tally.total))),
    ];
  });
  const failed = Object.values(tally.errors).reduce((sum, n) => sum + n, 0);
  table(['Pod', 'node', 'requests', ''], [...rows, ['total', '', String(tally.total), `${failed} failed`]]);
}

function spread(tally: Tally): number {
  const counts = Object.values(tally.pods);
  return Math.max(...counts) - Math.min(...counts);
}
