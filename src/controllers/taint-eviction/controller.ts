import { type core, isConflict, isNotFound, objectKey } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { markDisrupted } from '../common/disruption.js';
import { semanticEqual } from '../common/equal.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { BY_NODE, byNode } from '../common/node-index.js';
import { parseTime, timestamp } from '../common/time.js';
import { tolerates } from '../common/tolerations.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';

/**
 * Deletes Pods from Nodes with NoExecute taints that they do not tolerate, or no longer (upstream's
 * taint-eviction-controller). The time a Pod may stay counts from the taint's timeAdded, so that a restart of
 * this controller does not extend it.
 */
export function createTaintEvictionController(deps: ControllerDeps): Startable {
  const nodes = trimmedInformer(deps.informers, Resources.nodes);
  const pods = trimmedInformer(deps.informers, Resources.pods);
  pods.addIndex(BY_NODE, byNode);
  const recorder = deps.recorder('taint-eviction-controller');
  return createLoop(deps, 'noexec_taint_pod', () => new Run(deps, nodes, pods, recorder));
}

class Run implements LoopRun {
  readonly workers = 8;
  readonly caches: LoopRun['caches'];
  readonly #deps: ControllerDeps;
  readonly #nodes: Informer<core.Node>;
  readonly #pods: Informer<core.Pod>;
  readonly #recorder: EventRecorder;
  #queue: WorkQueue | undefined;

  constructor(
    deps: ControllerDeps,
    nodes: Informer<core.Node>,
    pods: Informer<core.Pod>,
    recorder: EventRecorder,
  ) {
    this.#deps = deps;
    this.#nodes = nodes;
    this.#pods = pods;
    this.caches = [nodes, pods];
    this.#recorder = recorder;
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const enqueuePods = ({ metadata }: core.Node) => {
      for (const pod of this.#pods.byIndex(BY_NODE, metadata.name!)) queue.add(objectKey(pod));
    };
    const podChanged = (pod: core.Pod) => {
      const node = this.#nodes.get(pod.spec?.nodeName ?? '');
      if (node !== undefined && noExecute(node).length > 0) queue.add(objectKey(pod));
    };
    return [
      this.#nodes.on({
        add: (node) => {
          if (noExecute(node).length > 0) enqueuePods(node);
        },
        update: (node, old) => {
          if (!semanticEqual(noExecute(node), noExecute(old))) enqueuePods(node);
        },
      }),
      this.#pods.on({ add: podChanged, update: podChanged }),
    ];
  }

  async sync(key: string): Promise<void> {
    const pod = this.#pods.get(key);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    const node = this.#nodes.get(pod.spec?.nodeName ?? '');
    if (node === undefined) return;
    const now = this.#deps.clock.now();
    const leaveAt = evictionTime(pod, noExecute(node), now);
    if (leaveAt === undefined) return;
    if (leaveAt > now) this.#queue?.addAfter(key, leaveAt - now);
    else await this.#evict(pod);
  }

  async #evict(pod: core.Pod): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    this.#recorder.event(
      pod,
      'Normal',
      'TaintManagerEviction',
      `Marking for deletion Pod ${namespace}/${name}`,
    );
    try {
      await markDisrupted(this.#deps.client, pod, {
        reason: 'DeletionByTaintManager',
        message: 'Taint manager: deleting due to NoExecute taint',
        lastTransitionTime: timestamp(this.#deps.clock),
      });
      await this.#deps.client
        .resource(Resources.pods)
        .delete(name!, namespace, { preconditions: { uid: uid! } });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}

function noExecute(node: core.Node): core.Taint[] {
  return (node.spec?.taints ?? []).filter((taint) => taint.effect === 'NoExecute');
}

/** When the Pod has to leave; undefined when it may stay. */
export function evictionTime(pod: core.Pod, taints: core.Taint[], now: number): number | undefined {
  let earliest: number | undefined;
  for (const taint of taints) {
    const covering = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    if (covering.length === 0) return now;
    const limits = covering.map((toleration) => toleration.tolerationSeconds).filter((s) => s !== undefined);
    if (limits.length === 0) continue;
    const since = Math.max(parseTime(taint.timeAdded), parseTime(pod.status?.startTime)) || now;
    const end = since + Math.max(0, Math.min(...limits)) * 1000;
    earliest = Math.min(earliest ?? end, end);
  }
  return earliest;
}
