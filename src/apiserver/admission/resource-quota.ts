import { canonicalQuantity, compareQuantities, type core, type KindInfo, type KubeObject } from '#api';
import type { AdmissionAttributes, AdmissionPlugin } from '../contracts.js';
import type { Living, ServerDeps } from '../deps.js';
import { Mirror } from '../mirror.js';
import { add, growth, quotaCovers, type Usage, unspecified, usageOf } from './quota-usage.js';
import { refuse } from './refuse.js';

/**
 * How long an admitted object may take to appear in the store before its place is free again. Short, because an
 * object that is deleted at once looks like one that has not come yet.
 */
const PENDING_MS = 3_000;

/** Kinds whose updates may use more. */
const GROWING = new Set(['core.v1.Service', 'core.v1.PersistentVolumeClaim']);

interface Reservation {
  name: string;
  usage: Usage;
  kind: string;
  until: number;
}

/**
 * Keeps creations, and updates that use more, within the ResourceQuotas of their namespace. Usage is counted from the objects themselves at
 * each creation, plus creations that this server has admitted and not seen yet; it needs no controller and cannot
 * drift. The price is a list of the kind per creation, in namespaces with a quota only.
 */
export class ResourceQuotaAdmission implements Living<AdmissionPlugin> {
  readonly name = 'ResourceQuota';
  readonly #deps: ServerDeps;
  readonly #quotas: Mirror<core.ResourceQuota, core.ResourceQuota>;
  /** Namespace → name → quota. */
  readonly #byNamespace = new Map<string, Map<string, core.ResourceQuota>>();
  readonly #pending = new Map<string, Reservation[]>();
  readonly #queues = new Map<string, Promise<void>>();

  constructor(deps: ServerDeps) {
    this.#deps = deps;
    this.#quotas = new Mirror({
      store: deps.store,
      kind: deps.kind('core.v1.ResourceQuota'),
      project: (quota: core.ResourceQuota) => quota,
      onChange: (_key, quota, old) => this.#index(quota, old),
    });
  }

  start(): Promise<void> {
    return this.#quotas.start();
  }
  stop(): Promise<void> {
    return this.#quotas.stop();
  }

  #index(quota: core.ResourceQuota | undefined, old: core.ResourceQuota | undefined): void {
    const { namespace = '', name = '' } = (quota ?? old!).metadata;
    const quotas = this.#byNamespace.get(namespace) ?? new Map<string, core.ResourceQuota>();
    if (quota === undefined) quotas.delete(name);
    else quotas.set(name, quota);
    if (quotas.size === 0) this.#byNamespace.delete(namespace);
    else this.#byNamespace.set(namespace, quotas);
  }

  validate(attributes: AdmissionAttributes): Promise<void> | void {
    const { operation, namespace, subresource, kind, object } = attributes;
    const resized = kind.message === 'core.v1.Pod' && subresource === 'resize';
    if ((subresource !== '' && !resized) || namespace === '' || kind.virtual === true) return;
    if (operation !== 'CREATE' && !(operation === 'UPDATE' && (resized || GROWING.has(kind.message)))) return;
    const quotas = this.#byNamespace.get(namespace);
    if (quotas === undefined || object === undefined) return;
    const known = [...quotas.values()];
    return this.#inTurn(namespace, () => this.#check(attributes, known, kind, object));
  }

  /** Creations in one namespace are judged one after the other. */
  async #inTurn(namespace: string, task: () => Promise<void>): Promise<void> {
    const before = this.#queues.get(namespace) ?? Promise.resolve();
    const mine = before.then(task, task);
    const settled = mine.catch(() => undefined);
    this.#queues.set(namespace, settled);
    try {
      await mine;
    } finally {
      if (this.#queues.get(namespace) === settled) this.#queues.delete(namespace);
    }
  }

  async #check(
    attributes: AdmissionAttributes,
    quotas: core.ResourceQuota[],
    kind: KindInfo,
    object: KubeObject,
  ): Promise<void> {
    const { oldObject } = attributes;
    const usage =
      oldObject === undefined
        ? usageOf(kind, object)
        : growth(usageOf(kind, object), usageOf(kind, oldObject));
    const concerned = quotas.filter((quota) => limits(quota, usage) && quotaCovers(quota, kind, object));
    if (concerned.length === 0) return;
    const present = await this.#deps.store.list(kind, attributes.namespace);
    for (const quota of concerned) {
      refuseUnspecified(attributes, quota);
      const used = this.#used(attributes, quota, kind, present);
      refuseExceeded(attributes, quota, usage, used);
    }
    if (!attributes.dryRun && oldObject === undefined) this.#reserve(attributes, kind, usage);
  }

  #used(
    attributes: AdmissionAttributes,
    quota: core.ResourceQuota,
    kind: KindInfo,
    present: KubeObject[],
  ): Usage {
    let used: Usage = {};
    const names = new Set(present.map(({ metadata }) => metadata.name));
    for (const object of present)
      if (quotaCovers(quota, kind, object)) used = add(used, usageOf(kind, object));
    const now = this.#deps.clock.now();
    const pending = (this.#pending.get(attributes.namespace) ?? []).filter(
      (entry) => entry.until > now && !(entry.kind === kind.message && names.has(entry.name)),
    );
    if (pending.length === 0) this.#pending.delete(attributes.namespace);
    else this.#pending.set(attributes.namespace, pending);
    for (const entry of pending) {
      // The same name again is a second try, not a second object.
      if (entry.kind === kind.message && entry.name !== attributes.name) used = add(used, entry.usage);
    }
    return used;
  }

  #reserve({ namespace, object }: AdmissionAttributes, kind: KindInfo, usage: Usage): void {
    const list = this.#pending.get(namespace) ?? [];
    const until = this.#deps.clock.now() + PENDING_MS;
    list.push({ name: object?.metadata.name ?? '', usage, kind: kind.message, until });
    this.#pending.set(namespace, list);
  }
}

function limits(quota: core.ResourceQuota, usage: Usage): boolean {
  return (
    Object.keys(quota.spec?.hard ?? {}).some((name) => usage[name] !== undefined) ||
    isComputeQuota(quota, usage)
  );
}

/** A Pod without requests still concerns a quota on requests: it is refused for not saying. */
function isComputeQuota(quota: core.ResourceQuota, usage: Usage): boolean {
  const names = Object.keys(quota.spec?.hard ?? {});
  return (
    usage['pods'] !== undefined && names.some((name) => /^((requests|limits)\.)?(cpu|memory)$/.test(name))
  );
}

function refuseUnspecified(attributes: AdmissionAttributes, quota: core.ResourceQuota): void {
  if (attributes.kind.message !== 'core.v1.Pod') return;
  const missing = unspecified(attributes.object as core.Pod, quota.spec?.hard ?? {});
  if (missing.size === 0) return;
  const parts = [...missing].map(([name, containers]) => `${name} for: ${containers.join(',')}`);
  throw refuse(attributes, `failed quota: ${quota.metadata.name}: must specify ${parts.join('; ')}`);
}

function refuseExceeded(
  attributes: AdmissionAttributes,
  quota: core.ResourceQuota,
  asked: Usage,
  used: Usage,
): void {
  const hard = quota.spec?.hard ?? {};
  const total = add(used, asked);
  const exceeded = Object.keys(hard)
    .filter((name) => asked[name] !== undefined && compareQuantities(total[name]!, hard[name]!) > 0)
    .filter((name) => compareQuantities(asked[name]!, '0') > 0)
    .sort();
  if (exceeded.length === 0) return;
  const print = (usage: Usage) =>
    exceeded.map((name) => `${name}=${canonicalQuantity(usage[name] ?? '0')}`).join(',');
  throw refuse(
    attributes,
    `exceeded quota: ${quota.metadata.name}, requested: ${print(asked)}, used: ${print(used)}, limited: ${print(hard)}`,
  );
}
