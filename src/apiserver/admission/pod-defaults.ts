import type { core, networking, scheduling } from '#api';
import type { AdmissionAttributes, AdmissionPlugin } from '../contracts.js';
import type { ServerDeps } from '../deps.js';
import { isKind, refuse } from './refuse.js';

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';
/** --default-not-ready-toleration-seconds and --default-unreachable-toleration-seconds. */
const TOLERATION_SECONDS = 300;

/** Pods stay five minutes on a node that is not ready or not reachable unless they say otherwise. */
export class DefaultTolerationSeconds implements AdmissionPlugin {
  readonly name = 'DefaultTolerationSeconds';
  readonly kinds = ['core.v1.Pod'];

  admit(attributes: AdmissionAttributes): void {
    if (attributes.operation === 'DELETE' || !isKind(attributes, 'core.v1.Pod')) return;
    const { spec } = attributes.object as core.Pod;
    if (spec === undefined) return;
    const missing = [NOT_READY, UNREACHABLE].filter((key) => !tolerates(spec.tolerations ?? [], key));
    if (missing.length === 0) return;
    const added = missing.map((key) => ({
      key,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: TOLERATION_SECONDS,
    }));
    spec.tolerations = [...(spec.tolerations ?? []), ...added];
  }
}

function tolerates(tolerations: core.Toleration[], key: string): boolean {
  return tolerations.some(
    (toleration) =>
      ((toleration.key ?? '') === '' || toleration.key === key) &&
      ((toleration.effect ?? '') === '' || toleration.effect === 'NoExecute'),
  );
}

/** A new node takes no Pods until its conditions say that it is ready. */
export class TaintNodesByCondition implements AdmissionPlugin {
  readonly name = 'TaintNodesByCondition';
  readonly kinds = ['core.v1.Node'];

  admit(attributes: AdmissionAttributes): void {
    if (attributes.operation !== 'CREATE' || !isKind(attributes, 'core.v1.Node')) return;
    const node = attributes.object as core.Node;
    node.spec ??= {};
    const taints = node.spec.taints ?? [];
    if (taints.some((taint) => taint.key === NOT_READY && taint.effect === 'NoSchedule')) return;
    node.spec.taints = [...taints, { key: NOT_READY, effect: 'NoSchedule' }];
  }
}

/** Resolves priorityClassName to a number (upstream plugin/pkg/admission/priority). */
export class Priority implements AdmissionPlugin {
  readonly name = 'Priority';
  readonly kinds = ['core.v1.Pod', 'scheduling.v1.PriorityClass'];
  readonly #deps: ServerDeps;
  constructor(deps: ServerDeps) {
    this.#deps = deps;
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    if (attributes.operation === 'DELETE' || !isKind(attributes, 'core.v1.Pod')) return;
    const { spec } = attributes.object as core.Pod;
    if (spec === undefined) return;
    if (attributes.operation === 'UPDATE') {
      const old = (attributes.oldObject as core.Pod).spec;
      spec.priority ??= old?.priority;
      spec.preemptionPolicy ??= old?.preemptionPolicy;
      return;
    }
    const chosen = await this.#choose(attributes, spec);
    const value = chosen?.value ?? 0;
    if (spec.priority !== undefined && spec.priority !== value) {
      throw refuse(
        attributes,
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
      );
    }
    spec.priority = value;
    this.#preemption(attributes, spec, chosen?.preemptionPolicy ?? 'PreemptLowerPriority');
  }

  #preemption(attributes: AdmissionAttributes, spec: core.PodSpec, policy: string): void {
    if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
      throw refuse(
        attributes,
        `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
      );
    }
    spec.preemptionPolicy = policy;
  }

  async #choose(
    attributes: AdmissionAttributes,
    spec: core.PodSpec,
  ): Promise<scheduling.PriorityClass | undefined> {
    const kind = this.#deps.kind('scheduling.v1.PriorityClass');
    const name = spec.priorityClassName ?? '';
    if (name === '') {
      const chosen = await this.#default();
      if (chosen !== undefined) spec.priorityClassName = chosen.metadata.name;
      return chosen;
    }
    const found = await this.#deps.store.get<scheduling.PriorityClass>(kind, '', name);
    if (found === undefined) throw refuse(attributes, `no PriorityClass with name ${name} was found`);
    return found;
  }

  /** Should two defaults have slipped in, the lowest value counts. */
  async #default(): Promise<scheduling.PriorityClass | undefined> {
    const kind = this.#deps.kind('scheduling.v1.PriorityClass');
    const all = await this.#deps.store.list<scheduling.PriorityClass>(kind);
    return all
      .filter((candidate) => candidate.globalDefault === true)
      .sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (attributes.operation === 'DELETE' || !isKind(attributes, 'scheduling.v1.PriorityClass')) return;
    const object = attributes.object as scheduling.PriorityClass;
    if (object.globalDefault !== true) return;
    const current = await this.#default();
    if (current === undefined || current.metadata.name === object.metadata.name) return;
    throw refuse(
      attributes,
      `PriorityClass ${current.metadata.name} is already marked as default. Only one default can exist`,
    );
  }
}

const INGRESS_CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const IS_DEFAULT_CLASS = 'ingressclass.kubernetes.io/is-default-class';

/** An Ingress without a class gets the default one: the newest, should there be several. */
export class DefaultIngressClass implements AdmissionPlugin {
  readonly name = 'DefaultIngressClass';
  readonly kinds = ['networking.v1.Ingress'];
  readonly #deps: ServerDeps;
  constructor(deps: ServerDeps) {
    this.#deps = deps;
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    if (attributes.operation !== 'CREATE' || !isKind(attributes, 'networking.v1.Ingress')) return;
    const ingress = attributes.object as networking.Ingress;
    if (ingress.spec?.ingressClassName !== undefined) return;
    if (ingress.metadata.annotations?.[INGRESS_CLASS_ANNOTATION] !== undefined) return;
    const kind = this.#deps.kind('networking.v1.IngressClass');
    const classes = (await this.#deps.store.list<networking.IngressClass>(kind))
      .filter((candidate) => candidate.metadata.annotations?.[IS_DEFAULT_CLASS] === 'true')
      .sort(newestFirst);
    if (classes[0] === undefined) return;
    ingress.spec = { ...ingress.spec, ingressClassName: classes[0].metadata.name };
  }
}

function newestFirst(a: networking.IngressClass, b: networking.IngressClass): number {
  const age = Date.parse(b.metadata.creationTimestamp ?? '') - Date.parse(a.metadata.creationTimestamp ?? '');
  if (age !== 0 && !Number.isNaN(age)) return age;
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1;
}
