import type { core, Quantity } from '#api';
import { count } from '../common/maps.js';
import { milliValue, unitValue } from '../common/quantity.js';

/** Amounts by resource name: CPU in millis, everything else in whole units. */
export type Amounts = Map<string, number>;

export function amountsOf(list: Record<string, Quantity> | undefined): Amounts {
  return new Map(Object.entries(list ?? {}).map(([name, quantity]) => [name, amount(name, quantity)]));
}

function amount(name: string, quantity: string | number): number {
  return name === 'cpu' ? milliValue(quantity) : unitValue(quantity);
}

/**
 * What a Pod asks of a node (k8s.io/component-helpers/resource.PodRequests): containers and sidecars together,
 * or the largest init phase if that is more, plus overhead; Pod-level requests replace the sum.
 */
export function podRequests(pod: core.Pod): Amounts {
  const total: Amounts = new Map();
  for (const container of pod.spec?.containers ?? []) add(total, requestsOf(container));
  const sidecars: Amounts = new Map();
  const initPeak: Amounts = new Map();
  for (const container of pod.spec?.initContainers ?? []) {
    const requests = requestsOf(container);
    if (container.restartPolicy === 'Always') add(sidecars, requests);
    const phase = new Map(sidecars);
    if (container.restartPolicy !== 'Always') add(phase, requests);
    raise(initPeak, phase);
  }
  add(total, sidecars);
  raise(total, initPeak);
  for (const [name, value] of amountsOf(pod.spec?.resources?.requests)) total.set(name, value);
  add(total, amountsOf(pod.spec?.overhead));
  return total;
}

function requestsOf(container: core.Container): Amounts {
  return amountsOf(container.resources?.requests);
}

export function add(to: Amounts, amounts: Amounts, sign: 1 | -1 = 1): void {
  for (const [name, value] of amounts) count(to, name, sign * value);
}

function raise(to: Amounts, amounts: Amounts): void {
  for (const [name, value] of amounts) to.set(name, Math.max(to.get(name) ?? 0, value));
}
