import { type core, objectKey } from '#api';
import { getOrMake } from '../common/maps.js';
import { isPodTerminal } from '../common/pods.js';
import { type Amounts, add, amountsOf, podRequests } from './resources.js';

/** A Pod as the scheduler weighs it; computed once per version. */
export interface PodInfo {
  key: string;
  pod: core.Pod;
  requests: Amounts;
  hostPorts: HostPort[];
}

export interface HostPort {
  ip: string;
  protocol: string;
  port: number;
}

/** A Node with what its Pods take of it. `node` is absent while only Pods of it are known. */
export interface NodeState {
  name: string;
  node: core.Node | undefined;
  allocatable: Amounts;
  requested: Amounts;
  pods: Map<string, PodInfo>;
}

export function podInfo(pod: core.Pod): PodInfo {
  return { key: objectKey(pod), pod, requests: podRequests(pod), hostPorts: hostPorts(pod) };
}

function hostPorts(pod: core.Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  return [...sidecars, ...(pod.spec?.containers ?? [])].flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => (port.hostPort ?? 0) > 0)
      .map((port) => ({ ip: port.hostIP ?? '', protocol: port.protocol ?? 'TCP', port: port.hostPort! })),
  );
}

/**
 * Nodes and the Pods on them, kept up to date by events. A Pod that was just given a node counts there at
 * once (assumed), until its binding is seen or fails.
 */
export class ClusterState {
  readonly #nodes = new Map<string, NodeState>();
  readonly #places = new Map<string, string>();
  readonly #assumed = new Set<string>();

  /** Nodes that exist. */
  nodes(): NodeState[] {
    return [...this.#nodes.values()].filter((state) => state.node !== undefined);
  }

  setNode(node: core.Node): void {
    const state = this.#state(node.metadata.name!);
    state.node = node;
    state.allocatable = amountsOf(node.status?.allocatable);
  }

  removeNode(name: string): void {
    const state = this.#nodes.get(name);
    if (state === undefined) return;
    state.node = undefined;
    if (state.pods.size === 0) this.#nodes.delete(name);
  }

  /** Takes a Pod as the API shows it; finished and unassigned Pods take no room. */
  setPod(pod: core.Pod): void {
    const key = objectKey(pod);
    const node = pod.spec?.nodeName ?? '';
    if (node === '' && this.#assumed.has(key)) return;
    if (this.#refresh(key, pod, node)) return;
    this.#remove(key);
    if (node !== '' && !isPodTerminal(pod)) this.#place(podInfo(pod), node);
  }

  /** A Pod whose spec is as it was takes the same room: only what others match against may be new. */
  #refresh(key: string, pod: core.Pod, node: string): boolean {
    if (node === '' || this.#places.get(key) !== node || isPodTerminal(pod)) return false;
    const known = this.#nodes.get(node)!.pods.get(key)!;
    const { uid, generation } = known.pod.metadata;
    if (generation === undefined || generation !== pod.metadata.generation || uid !== pod.metadata.uid)
      return false;
    known.pod = pod;
    this.#assumed.delete(key);
    return true;
  }

  removePod(pod: core.Pod): void {
    this.#remove(objectKey(pod));
  }

  assume(info: PodInfo, node: string): void {
    this.#place(info, node);
    this.#assumed.add(info.key);
  }

  /** The binding failed: the room is free again. */
  forget(key: string): void {
    if (this.#assumed.has(key)) this.#remove(key);
  }

  isAssumed(key: string): boolean {
    return this.#assumed.has(key);
  }

  #place(info: PodInfo, node: string): void {
    const state = this.#state(node);
    state.pods.set(info.key, info);
    add(state.requested, info.requests);
    this.#places.set(info.key, node);
  }

  #remove(key: string): void {
    this.#assumed.delete(key);
    const node = this.#places.get(key);
    if (node === undefined) return;
    this.#places.delete(key);
    const state = this.#nodes.get(node)!;
    add(state.requested, state.pods.get(key)!.requests, -1);
    state.pods.delete(key);
    if (state.pods.size === 0 && state.node === undefined) this.#nodes.delete(node);
  }

  #state(name: string): NodeState {
    return getOrMake(this.#nodes, name, () => ({
      name,
      node: undefined,
      allocatable: new Map(),
      requested: new Map(),
      pods: new Map(),
    }));
  }
}
