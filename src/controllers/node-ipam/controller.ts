import type { core } from '#api';
import { parseCidr, type Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { createLoop, type LoopRun } from '../common/loop.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import { SubnetAllocator } from './allocator.js';

export interface NodeIpamOptions {
  /** One per family, primary first (upstream's --cluster-cidr). */
  clusterCidrs: string[];
  /** Upstream's --node-cidr-mask-size-ipv4 and -ipv6. */
  maskSizeV4?: number;
  maskSizeV6?: number;
}

/** Gives every Node its podCIDRs (upstream's node-ipam-controller, RangeAllocator). Throws on CIDRs that cannot work. */
export function createNodeIpamController(options: NodeIpamOptions, deps: ControllerDeps): Startable {
  const nodes = trimmedInformer(deps.informers, Resources.nodes);
  const recorder = deps.recorder('cidrAllocator');
  makeAllocators(options);
  return createLoop(deps, 'cidrallocator-node', () => new Run(options, deps, nodes, recorder));
}

function makeAllocators(options: NodeIpamOptions): SubnetAllocator[] {
  return options.clusterCidrs.map((text) => {
    const isV6 = parseCidr(text)?.family === 6;
    return new SubnetAllocator(text, isV6 ? (options.maskSizeV6 ?? 64) : (options.maskSizeV4 ?? 24));
  });
}

class Run implements LoopRun {
  // One Node at a time: every allocation must see the one before it.
  readonly workers = 1;
  readonly caches: LoopRun['caches'];
  readonly #deps: ControllerDeps;
  readonly #nodes: Informer<core.Node>;
  readonly #recorder: EventRecorder;
  readonly #allocators: SubnetAllocator[];
  /** Networks taken for a Node whose write has not come back. */
  readonly #pending = new Map<string, string[]>();

  constructor(
    options: NodeIpamOptions,
    deps: ControllerDeps,
    nodes: Informer<core.Node>,
    recorder: EventRecorder,
  ) {
    this.#deps = deps;
    this.#nodes = nodes;
    this.caches = [nodes];
    this.#recorder = recorder;
    this.#allocators = makeAllocators(options);
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    // Before the first allocation, everything that is taken has to be known.
    for (const node of this.#nodes.list()) this.#occupy(node);
    const changed = (node: core.Node) => {
      this.#occupy(node);
      if (podCidrs(node).length === 0) queue.add(node.metadata.name!);
      else this.#pending.delete(node.metadata.name!);
    };
    return [this.#nodes.on({ add: changed, update: changed, delete: (node) => this.#release(node) })];
  }

  #occupy(node: core.Node): void {
    for (const cidr of podCidrs(node)) for (const allocator of this.#allocators) allocator.occupy(cidr);
  }

  #release(node: core.Node): void {
    const pending = this.#pending.get(node.metadata.name!) ?? [];
    this.#pending.delete(node.metadata.name!);
    for (const cidr of [...podCidrs(node), ...pending])
      for (const allocator of this.#allocators) allocator.release(cidr);
  }

  async sync(key: string): Promise<void> {
    const node = this.#nodes.get(key);
    if (node === undefined || podCidrs(node).length > 0) return;
    const cidrs = this.#pending.get(key) ?? this.#allocate(node);
    this.#pending.set(key, cidrs);
    const { uid } = node.metadata;
    const body = { metadata: { uid }, spec: { podCIDR: cidrs[0], podCIDRs: cidrs } };
    await this.#deps.client.resource(Resources.nodes).patch(key, undefined, 'merge', body);
  }

  #allocate(node: core.Node): string[] {
    const cidrs: string[] = [];
    for (const [i, allocator] of this.#allocators.entries()) {
      const cidr = allocator.allocate();
      if (cidr === undefined) {
        for (const [j, taken] of cidrs.entries()) this.#allocators[j]!.release(taken);
        const message = `Node ${node.metadata.name} status is now: CIDRNotAvailable`;
        this.#recorder.event(node, 'Normal', 'CIDRNotAvailable', message);
        throw new Error(`no free subnet in ${this.#allocators[i]!.cluster.text}`);
      }
      cidrs.push(cidr);
    }
    return cidrs;
  }
}

function podCidrs(node: core.Node): string[] {
  const cidrs = node.spec?.podCIDRs ?? [];
  return cidrs.length > 0 ? cidrs : node.spec?.podCIDR ? [node.spec.podCIDR] : [];
}
