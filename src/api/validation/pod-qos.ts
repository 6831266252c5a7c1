import { canonicalQuantity } from '../selectors/quantity.js';
import type { core, Quantity } from '../types/index.js';

/** Only these decide the class (upstream pkg/apis/core/v1/helper/qos). */
const COMPUTE = ['cpu', 'memory'];

type Resources = Record<string, Quantity> | undefined;

function positive(resources: Resources): Map<string, string> {
  const out = new Map<string, string>();
  for (const name of COMPUTE) {
    const quantity = resources?.[name];
    if (quantity === undefined) continue;
    const text = canonicalQuantity(quantity);
    if (text !== '0' && !text.startsWith('-')) out.set(name, text);
  }
  return out;
}

/** Guaranteed: every container limits cpu and memory and requests just that; BestEffort: none asks for anything. */
export function qosClass(spec: core.PodSpec | undefined): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const sources = spec?.resources === undefined ? containers.map((c) => c.resources) : [spec.resources];
  let anything = false;
  let guaranteed = sources.length > 0;
  for (const source of sources) {
    const requests = positive(source?.requests);
    const limits = positive(source?.limits);
    if (requests.size > 0 || limits.size > 0) anything = true;
    const equal = COMPUTE.every((name) => {
      const limit = limits.get(name);
      return limit !== undefined && (requests.get(name) ?? limit) === limit;
    });
    if (!equal) guaranteed = false;
  }
  if (!anything) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
