import {
  addQuantities,
  compareQuantities,
  type core,
  type KindInfo,
  type KubeObject,
  type Quantity,
  qosClass,
  subtractQuantities,
} from '#api';
import { podTotal } from './limit-ranger.js';

export type Usage = Record<string, Quantity>;

/** Kinds that count under their own name as well as under `count/…`. */
const PLAIN = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
]);
const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'];

/** What one object uses of a quota (upstream pkg/quota/v1/evaluator/core). */
export function usageOf(kind: KindInfo, object: KubeObject): Usage {
  const suffix = kind.group === '' ? '' : `.${kind.group}`;
  const usage: Usage = { [`count/${kind.resource}${suffix}`]: '1' };
  if (kind.group !== '') return usage;
  if (PLAIN.has(kind.resource)) usage[kind.resource] = '1';
  if (kind.resource === 'pods') Object.assign(usage, podUsage(object as core.Pod));
  if (kind.resource === 'services') Object.assign(usage, serviceUsage(object as core.Service));
  if (kind.resource === 'persistentvolumeclaims') {
    const storage = (object as core.PersistentVolumeClaim).spec?.resources?.requests?.['storage'];
    if (storage !== undefined) usage['requests.storage'] = storage;
  }
  return usage;
}

/** Pods that have ended use nothing but their place in `count/pods`. */
function podUsage(pod: core.Pod): Usage {
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return {};
  const usage: Usage = { pods: '1' };
  const requests = podTotal(pod.spec, 'requests');
  const limits = podTotal(pod.spec, 'limits');
  for (const name of COMPUTE) {
    if (requests[name] !== undefined) {
      usage[name] = requests[name];
      usage[`requests.${name}`] = requests[name];
    }
    if (limits[name] !== undefined) usage[`limits.${name}`] = limits[name];
  }
  return usage;
}

function serviceUsage({ spec }: core.Service): Usage {
  const ports = (spec?.ports ?? []).length;
  const balanced = spec?.type === 'LoadBalancer';
  const allocates = spec?.type === 'NodePort' || (balanced && spec.allocateLoadBalancerNodePorts !== false);
  const named = (spec?.ports ?? []).filter((port) => (port.nodePort ?? 0) !== 0).length;
  return {
    'services.loadbalancers': balanced ? '1' : '0',
    'services.nodeports': String(allocates ? ports : balanced ? named : 0),
  };
}

/** Containers that leave out what the quota limits: they cannot be counted. */
export function unspecified(pod: core.Pod, hard: Usage): Map<string, string[]> {
  const missing = new Map<string, string[]>();
  for (const name of Object.keys(hard)) {
    const match =
      /^(requests|limits)\.(cpu|memory|ephemeral-storage)$/.exec(name) ?? /^()(cpu|memory)$/.exec(name);
    if (match === null) continue;
    const list = match[1] === 'limits' ? 'limits' : 'requests';
    const without = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]
      .filter(({ resources }) => resources?.[list]?.[match[2]!] === undefined)
      .map((container) => container.name);
    if (without.length > 0) missing.set(name, without);
  }
  return missing;
}

function scopeMatches(scope: string, pod: core.Pod): boolean {
  const terminating = (pod.spec?.activeDeadlineSeconds ?? -1) >= 0;
  const bestEffort = qosClass(pod.spec) === 'BestEffort';
  switch (scope) {
    case 'Terminating':
      return terminating;
    case 'NotTerminating':
      return !terminating;
    case 'BestEffort':
      return bestEffort;
    case 'NotBestEffort':
      return !bestEffort;
    case 'PriorityClass':
      return (pod.spec?.priorityClassName ?? '') !== '';
    default:
      return false;
  }
}

function expressionMatches(expression: core.ScopedResourceSelectorRequirement, pod: core.Pod): boolean {
  const { scopeName, operator, values = [] } = expression;
  if (scopeName !== 'PriorityClass') {
    return scopeMatches(scopeName, pod) === (operator !== 'DoesNotExist' && operator !== 'NotIn');
  }
  const name = pod.spec?.priorityClassName ?? '';
  if (operator === 'Exists') return name !== '';
  if (operator === 'DoesNotExist') return name === '';
  return values.includes(name) === (operator === 'In');
}

/** True when the quota is about the object: quotas with scopes are about some Pods only. */
export function quotaCovers(quota: core.ResourceQuota, kind: KindInfo, object: KubeObject): boolean {
  const scopes = quota.spec?.scopes ?? [];
  const expressions = quota.spec?.scopeSelector?.matchExpressions ?? [];
  if (scopes.length === 0 && expressions.length === 0) return true;
  if (kind.message !== 'core.v1.Pod') return false;
  const pod = object as core.Pod;
  return (
    scopes.every((scope) => scopeMatches(scope, pod)) &&
    expressions.every((expression) => expressionMatches(expression, pod))
  );
}

export function add(a: Usage, b: Usage): Usage {
  const sum = { ...a };
  for (const [name, value] of Object.entries(b)) {
    sum[name] = sum[name] === undefined ? value : addQuantities(sum[name], value);
  }
  return sum;
}

/** What `now` uses more than `before`; what shrinks or stays is left out. */
export function growth(now: Usage, before: Usage): Usage {
  const more: Usage = {};
  for (const [name, value] of Object.entries(now)) {
    const had = before[name] ?? '0';
    if (compareQuantities(value, had) > 0) more[name] = subtractQuantities(value, had);
  }
  return more;
}
