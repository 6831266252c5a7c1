import { type core, Errors, type KubeObject } from '#api';
import type { AdmissionAttributes, AdmissionPlugin } from '../../contracts.js';
import type { Living, ServerDeps } from '../../deps.js';
import { Mirror } from '../../mirror.js';
import { refuse } from '../refuse.js';
import { describe, type Level, type LevelVersion, type Policy, policyOf, violationsOf } from './policy.js';
import type { Subject } from './subject.js';

/** Subresources of Pods that do not carry a Pod, or nothing of it that matters. */
const IGNORED = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);
/** Pods that are looked at when a namespace becomes stricter. */
const MAX_PODS = 3000;
const STRICTNESS: Readonly<Record<Level, number>> = { privileged: 0, baseline: 1, restricted: 2 };

type Template = {
  spec?: { template?: core.PodTemplateSpec; jobTemplate?: { spec?: { template?: core.PodTemplateSpec } } };
};

/** Where the kinds that make Pods keep the template of them. */
const TEMPLATES: Readonly<Record<string, (object: KubeObject) => core.PodTemplateSpec | undefined>> = {
  'core.v1.PodTemplate': (object) => (object as unknown as core.PodTemplate).template,
  'batch.v1.CronJob': (object) => (object as Template).spec?.jobTemplate?.spec?.template,
  ...Object.fromEntries(
    [
      'core.v1.ReplicationController',
      'apps.v1.Deployment',
      'apps.v1.ReplicaSet',
      'apps.v1.StatefulSet',
      'apps.v1.DaemonSet',
      'batch.v1.Job',
    ].map((message) => [message, (object: KubeObject) => (object as Template).spec?.template]),
  ),
};

/**
 * Pod Security Standards by labels of the namespace (upstream pod-security-admission): Pods that break the enforced level
 * are refused, Pods and templates that break the level of warnings are named in them. Nothing is exempt, and there is no
 * audit log for the third mode to write to.
 */
export class PodSecurity implements Living<AdmissionPlugin> {
  readonly name = 'PodSecurity';
  readonly kinds = ['core.v1.Namespace', 'core.v1.Pod', ...Object.keys(TEMPLATES)];
  readonly #deps: ServerDeps;
  readonly #policies: Mirror<core.Namespace, Policy>;

  constructor(deps: ServerDeps) {
    this.#deps = deps;
    this.#policies = new Mirror({
      store: deps.store,
      kind: deps.kind('core.v1.Namespace'),
      project: (namespace) => policyOf(namespace.metadata.labels).policy,
    });
  }

  start(): Promise<void> {
    return this.#policies.start();
  }
  stop(): Promise<void> {
    return this.#policies.stop();
  }

  validate(attributes: AdmissionAttributes): Promise<void> | void {
    const { kind, operation, subresource, object } = attributes;
    if (object === undefined || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
    if (kind.message === 'core.v1.Namespace') {
      return subresource === '' ? this.#namespace(attributes, object as core.Namespace) : undefined;
    }
    if (kind.message === 'core.v1.Pod') {
      return IGNORED.has(subresource) ? undefined : this.#pod(attributes, object as core.Pod);
    }
    const template = subresource === '' ? TEMPLATES[kind.message]?.(object) : undefined;
    if (template?.spec !== undefined)
      this.#warn(attributes, this.#policy(attributes).warn, subjectOf(template));
  }

  #policy({ namespace }: AdmissionAttributes): Policy {
    return this.#policies.get(namespace) ?? policyOf().policy;
  }

  #pod(attributes: AdmissionAttributes, pod: core.Pod): void {
    const { enforce, warn } = this.#policy(attributes);
    if (enforce.level === 'privileged' && warn.level === 'privileged') return;
    const old = attributes.oldObject as core.Pod | undefined;
    if (old !== undefined && !isSignificant(pod, old)) return;
    const subject = subjectOf(pod);
    const violations = violationsOf(enforce, subject);
    if (violations.length > 0) throw refuse(attributes, `violates ${describe(enforce, violations)}`);
    this.#warn(attributes, warn, subject);
  }

  #warn(attributes: AdmissionAttributes, level: LevelVersion, subject: Subject): void {
    const violations = violationsOf(level, subject);
    if (violations.length > 0) attributes.warn(`would violate ${describe(level, violations)}`);
  }

  async #namespace(attributes: AdmissionAttributes, namespace: core.Namespace): Promise<void> {
    const { policy, errors } = policyOf(namespace.metadata.labels);
    const old = attributes.oldObject as core.Namespace | undefined;
    const before = old === undefined ? undefined : policyOf(old.metadata.labels);
    // Labels that were bad already do not keep anybody from changing something else.
    if (errors.length > 0 && JSON.stringify(errors) !== JSON.stringify(before?.errors)) {
      throw Errors.invalid({ group: '', kind: 'Namespace' }, namespace.metadata.name ?? '', errors);
    }
    if (before === undefined || !isStricter(policy.enforce, before.policy.enforce)) return;
    for (const warning of await this.#violators(namespace.metadata.name!, policy.enforce))
      attributes.warn(warning);
  }

  /** What the Pods that are there break of a level that is new. */
  async #violators(namespace: string, level: LevelVersion): Promise<string[]> {
    const pods = await this.#deps.store.list<core.Pod>(this.#deps.kind('core.v1.Pod'), namespace);
    const names = new Map<string, string[]>();
    for (const pod of pods.slice(0, MAX_PODS)) {
      const reasons = violationsOf(level, subjectOf(pod)).map(({ reason }) => reason);
      if (reasons.length === 0) continue;
      const key = reasons.join(', ');
      names.set(key, [...(names.get(key) ?? []), pod.metadata.name!]);
    }
    const warnings: string[] = [];
    if (pods.length > MAX_PODS) {
      warnings.push(
        `new PodSecurity enforce level only checked against the first ${MAX_PODS} of ${pods.length} existing pods`,
      );
    }
    if (names.size > 0) {
      warnings.push(
        `existing pods in namespace "${namespace}" violate the new PodSecurity enforce level "${level.level}:${level.version}"`,
      );
    }
    return [...warnings, ...[...names].map(([reasons, those]) => `${several(those)}: ${reasons}`).sort()];
  }
}

function isStricter(now: LevelVersion, before: LevelVersion): boolean {
  if (now.level === 'privileged') return false;
  if (now.version === before.version) return STRICTNESS[now.level] > STRICTNESS[before.level];
  return true;
}

/** `a`, `a (and 1 other pod)`, `a (and 2 other pods)`. */
function several(names: string[]): string {
  const [first] = [...names].sort();
  const others = names.length - 1;
  return others === 0 ? first! : `${first} (and ${others} other ${others === 1 ? 'pod' : 'pods'})`;
}

function subjectOf({
  metadata,
  spec,
}: {
  metadata?: { annotations?: Record<string, string> };
  spec?: core.PodSpec;
}): Subject {
  return { annotations: metadata?.annotations ?? {}, spec: spec ?? { containers: [] } };
}

/** Updates of Pods are judged when they change what runs: images, or which containers there are. */
function isSignificant(pod: core.Pod, old: core.Pod): boolean {
  const imagesOf = ({ spec }: core.Pod) =>
    JSON.stringify(
      [spec?.initContainers, spec?.containers, spec?.ephemeralContainers].map((list) =>
        (list ?? []).map(({ name, image }) => [name, image]),
      ),
    );
  return imagesOf(pod) !== imagesOf(old);
}
