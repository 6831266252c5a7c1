import type { core, Quantity } from '../types/index.js';
import { Check, semanticEqual } from './field-error.js';
import { checkObjectMetaUpdate } from './object-meta.js';
import { checkPod, MIRROR, NO_SPEC } from './pod.js';
import { qosClass } from './pod-qos.js';

type Resources = Record<string, Quantity> | undefined;

const LISTS = ['containers', 'initContainers'] as const;
/** What a resize may change of a container's requests and limits. */
const RESIZABLE = ['cpu', 'memory'];

/** Upstream's ValidatePodResize (KEP-1287): cpu and memory of containers and sidecars, within one QoS class. */
export function validatePodResize(pod: core.Pod, old: core.Pod): Check['errors'] {
  const refused = whyNever(pod, old);
  if (refused !== undefined) {
    const only = new Check();
    only.forbidden('', refused);
    return only.errors;
  }
  const check = new Check();
  const spec = pod.spec ?? NO_SPEC;
  const before = old.spec ?? NO_SPEC;
  checkObjectMetaUpdate(check, pod.metadata, old.metadata);
  checkPod(check, pod, old);
  if ((old.status?.qosClass ?? qosClass(before)) !== qosClass(spec)) {
    check.invalid('spec', pod.status?.qosClass, 'Pod QOS Class may not change as a result of resizing');
  }
  if (!isSupported(old)) check.forbidden('spec', 'Pod running on node without support for resize');
  if (!checkOrder(check, spec, before)) return check.errors;
  checkContainers(check, spec, before);
  return check.errors;
}

/** Pods that cannot be resized whatever the request says. */
function whyNever(pod: core.Pod, old: core.Pod): string | undefined {
  if (hasOwnResources(pod) || hasOwnResources(old)) return 'pods with pod-level resources cannot be resized';
  if (old.metadata.annotations?.[MIRROR] !== undefined) return 'static pods cannot be resized';
  if (old.spec?.os?.name === 'windows') return 'windows pods cannot be resized';
  return undefined;
}

function hasOwnResources({ spec }: core.Pod): boolean {
  const { requests, limits } = spec?.resources ?? {};
  return Object.keys({ ...requests, ...limits }).length > 0;
}

/** Nodes that can resize say what their running containers have. */
function isSupported({ status }: core.Pod): boolean {
  const running = (status?.containerStatuses ?? []).find((one) => one.state?.running !== undefined);
  return running === undefined || running.resources !== undefined;
}

/** False when containers cannot be compared one by one. */
function checkOrder(check: Check, spec: core.PodSpec, old: core.PodSpec): boolean {
  const errors = check.errors.length;
  for (const list of LISTS) {
    const now = spec[list] ?? [];
    const before = old[list] ?? [];
    const what = list === 'containers' ? 'containers' : 'initContainers';
    if (now.length !== before.length) {
      check.forbidden(`spec.${list}`, `${what} may not be added or removed on resize`);
      continue;
    }
    now.forEach((container, i) => {
      if (container.name === before[i]!.name) return;
      check.forbidden(`spec.${list}[${i}].name`, `${what} may not be renamed or reordered on resize`);
    });
  }
  return check.errors.length === errors;
}

function checkContainers(check: Check, spec: core.PodSpec, old: core.PodSpec): void {
  const pairs = LISTS.flatMap((list) =>
    (spec[list] ?? []).map((now, i) => ({ list, now, before: old[list]![i]!, path: `spec.${list}[${i}]` })),
  );
  const isResizable = ({ list, before }: (typeof pairs)[number]) =>
    list === 'containers' || before.restartPolicy === 'Always';
  for (const { now, before, path } of pairs.filter(isResizable)) {
    for (const kind of ['requests', 'limits'] as const) {
      if (!isRemoved(now.resources?.[kind], before.resources?.[kind])) continue;
      check.forbidden(`${path}.resources.${kind}`, `resource ${kind} cannot be removed`);
    }
  }
  for (const pair of pairs) {
    const { list, now, before } = pair;
    if (!isResizable(pair)) {
      if (!semanticEqual(now, before))
        check.forbidden('spec', 'resources for non-sidecar init containers are immutable');
    } else if (!semanticEqual(withoutResizable(now), withoutResizable(before))) {
      const whose = list === 'containers' ? '' : ' for sidecar containers';
      check.forbidden('spec', `only cpu and memory resources${whose} are mutable`);
    }
  }
}

function isRemoved(now: Resources, before: Resources): boolean {
  return Object.keys(before ?? {}).some((name) => now?.[name] === undefined);
}

/** A container without what a resize may change. */
function withoutResizable(container: core.Container): object {
  const { resources, resizePolicy: _policy, ...rest } = container;
  const without = (list: Resources) =>
    Object.fromEntries(Object.entries(list ?? {}).filter(([name]) => !RESIZABLE.includes(name)));
  const { requests, limits, ...others } = resources ?? {};
  return { ...rest, resources: { ...others, requests: without(requests), limits: without(limits) } };
}
