import { type core, Errors, FieldErrors, type KubeObject } from '#api';
import type {
  ApiResponse,
  ObjectStore,
  RequestContext,
  SubresourceHandler,
  VirtualHandler,
} from '../contracts.js';
import { admitCreate, isDryRun } from './admit.js';
import type { SubresourceDeps } from './types.js';

const PODS = { group: '', resource: 'pods' };
/** Labels of the node that its Pods get (admission plugin PodTopologyLabels). */
const TOPOLOGY = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

/** Assigns a Pod to a node: how the scheduler speaks (upstream registry/core/pod/storage BindingREST). */
export class Binder {
  readonly #deps: SubresourceDeps;
  constructor(deps: SubresourceDeps) {
    this.#deps = deps;
  }

  /** Rejects with Conflict for Pods that have a node, are gated or are going. */
  async bind(context: RequestContext, namespace: string, name: string, binding: core.Binding): Promise<void> {
    checkTarget(binding);
    const labels = await this.#topology(binding.target.name ?? '');
    const kind = this.#deps.kind('core.v1.Pod');
    const change = (pod: core.Pod) => assign(pod, binding, labels, this.#deps.clock.now());
    if (isDryRun(context)) {
      const pod = await this.#deps.store.get<core.Pod>(kind, namespace, name);
      if (pod === undefined) throw Errors.notFound(PODS, name);
      change(structuredClone(pod));
      return;
    }
    await (this.#deps.store as ObjectStore).update<core.Pod>(kind, namespace, name, change);
  }

  async #topology(nodeName: string): Promise<Record<string, string>> {
    const node = await this.#deps.store.get<core.Node>(this.#deps.kind('core.v1.Node'), '', nodeName);
    const out: Record<string, string> = {};
    for (const label of TOPOLOGY) {
      const value = node?.metadata.labels?.[label];
      if (value !== undefined) out[label] = value;
    }
    return out;
  }
}

function checkTarget(binding: core.Binding): void {
  const { kind = '', name = '' } = binding.target ?? {};
  const errors = [
    ...(kind === '' || kind === 'Node'
      ? []
      : [FieldErrors.notSupported('target.kind', kind, ['Node', '<empty>'])]),
    ...(name === '' ? [FieldErrors.required('target.name')] : []),
  ];
  if (errors.length > 0)
    throw Errors.invalid({ group: '', kind: 'Binding' }, binding.metadata.name ?? '', errors);
}

function assign(pod: core.Pod, binding: core.Binding, labels: Record<string, string>, now: number): core.Pod {
  const name = pod.metadata.name ?? '';
  const { uid } = binding.metadata;
  if (uid !== undefined && uid !== '' && uid !== pod.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`;
    throw Errors.conflict(PODS, name, why);
  }
  const refuse = (why: string) => Errors.conflict({ group: '', resource: 'pods/binding' }, name, why);
  if (pod.metadata.deletionTimestamp !== undefined) {
    throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  }
  const nodeName = pod.spec?.nodeName ?? '';
  if (nodeName !== '') throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(nodeName)}`);
  if ((pod.spec?.schedulingGates ?? []).length > 0) {
    throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  }
  return bound(pod, binding, labels, now);
}

function bound(pod: core.Pod, binding: core.Binding, labels: Record<string, string>, now: number): core.Pod {
  const lastTransitionTime = `${new Date(now).toISOString().slice(0, 19)}Z`;
  const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  const annotations = { ...pod.metadata.annotations, ...binding.metadata.annotations };
  const merged = { ...pod.metadata.labels, ...labels };
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      ...(Object.keys(merged).length === 0 ? {} : { labels: merged }),
    },
    spec: { ...pod.spec!, nodeName: binding.target.name ?? '' },
    status: { ...pod.status, conditions: [...others, scheduled] },
  };
}

/** POST pods/NAME/binding. */
export class PodBindingHandler implements SubresourceHandler {
  readonly methods = ['POST'];
  readonly #deps: SubresourceDeps;
  readonly #binder: Binder;
  constructor(deps: SubresourceDeps) {
    this.#deps = deps;
    this.#binder = new Binder(deps);
  }

  async handle(context: RequestContext): Promise<ApiResponse> {
    const { namespace, name } = context.info;
    const binding = await this.#deps.codec.read<core.Binding>(context, 'core.v1.Binding');
    if ((binding.metadata.name ?? '') !== '' && binding.metadata.name !== name) {
      throw Errors.badRequest('name in URL does not match name in Binding object');
    }
    await admitCreate(this.#deps, context, 'core.v1.Pod', binding);
    await this.#binder.bind(context, namespace, name, binding);
    return this.#deps.codec.write(context, 201, success as unknown as KubeObject);
  }
}

/** POST bindings: the older form, with the Pod's name in the body. */
export function bindingHandler(deps: SubresourceDeps): VirtualHandler {
  const binder = new Binder(deps);
  return {
    async create(context, object) {
      const binding = object as core.Binding;
      await binder.bind(context, context.info.namespace, binding.metadata.name ?? '', binding);
      return success as unknown as KubeObject;
    },
  };
}
