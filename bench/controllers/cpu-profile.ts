import { type Profiler, Session } from 'node:inspector/promises';

/** CPU time by layer, in microseconds. */
export type LayerTimes = Map<string, number>;

/**
 * Runs `work` under the sampling profiler and says which layer's code was on the processor: the innermost
 * frame of ours decides, so that a layer pays for the library and runtime functions that it calls.
 */
export async function profileByLayer(work: () => Promise<void>): Promise<LayerTimes> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 250 });
    await session.post('Profiler.start');
    await work();
    const { profile } = await session.post('Profiler.stop');
    return byLayer(profile);
  } finally {
    session.disconnect();
  }
}

function byLayer({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): LayerTimes {
  const layers = new Map<number, string>();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const visit = (node: Profiler.ProfileNode, inherited: string) => {
    const layer = layerOf(node, inherited);
    layers.set(node.id, layer);
    for (const child of node.children ?? []) visit(byId.get(child)!, layer);
  };
  visit(nodes[0]!, 'runtime');
  const times: LayerTimes = new Map();
  for (const [i, sample] of samples.entries()) {
    const layer = layers.get(sample)!;
    if (layer !== '(idle)') times.set(layer, (times.get(layer) ?? 0) + timeDeltas[i]!);
  }
  return times;
}

function layerOf({ callFrame }: Profiler.ProfileNode, inherited: string): string {
  if (callFrame.functionName === '(idle)') return '(idle)';
  if (callFrame.functionName === '(garbage collector)') return 'garbage collection';
  return (
    /\/src\/([\w-]+)\//.exec(callFrame.url)?.[1] ?? (/\/bench\//.test(callFrame.url) ? 'load' : inherited)
  );
}
