import { type DesiredService, type Target, targetKey } from '../state/desired.js';

/** A service's lists with every endpoint at the index that it has in the kernel's maps. */
export type PlacedService = DesiredService;

/**
 * Orders `wanted` so that as few indices as possible change against `placed`: endpoints keep their index, holes
 * are filled from the end and then by newcomers. One endpoint replaced is one element rewritten, and
 * round robin and source hash keep their meaning for the others.
 */
export function arrange(placed: readonly Target[], wanted: readonly Target[]): Target[] {
  const missing = new Map<string, Target[]>();
  for (const target of wanted) {
    const key = targetKey(target);
    const same = missing.get(key);
    if (same === undefined) missing.set(key, [target]);
    else same.push(target);
  }
  const take = (target: Target): Target | undefined => missing.get(targetKey(target))?.pop();
  const slots: (Target | undefined)[] = placed.slice(0, wanted.length).map(take);
  const moved = placed
    .slice(wanted.length)
    .map(take)
    .filter((target) => target !== undefined);
  const fresh = wanted.map(take).filter((target) => target !== undefined);
  const spare = [...moved, ...fresh];
  return Array.from({ length: wanted.length }, (_, i) => slots[i] ?? spare.shift()!);
}

/** Places a service's new lists over the ones that are in the kernel now. */
export function place(before: PlacedService | undefined, after: DesiredService): PlacedService {
  if (before === undefined) return after;
  const old = new Map(before.ports.map((port) => [port.port.id, port]));
  const ports = after.ports.map((port) => {
    const was = old.get(port.port.id);
    if (was === undefined) return port;
    return { ...port, cluster: arrange(was.cluster, port.cluster), local: arrange(was.local, port.local) };
  });
  return { ...after, ports };
}
