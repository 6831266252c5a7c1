import { type core, Errors, type KubeObject, type policy, StatusError, selectorMatches } from '#api';
import type { ApiResponse, RequestContext, SubresourceHandler } from '../contracts.js';
import { admitCreate, isDryRun } from './admit.js';
import type { SubresourceDeps } from './types.js';

const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
/** Most evictions that may be under way for one budget. */
const MAX_DISRUPTED = 2000;

function tooMany(message: string, budget: string, cause: string, retryAfterSeconds: number): StatusError {
  return new StatusError('TooManyRequests', message, {
    ...(retryAfterSeconds > 0 ? { retryAfterSeconds } : {}),
    causes: [{ reason: 'DisruptionBudget', message: cause.replace('%s', budget) }],
  });
}

/** POST pods/NAME/eviction: a delete that respects disruption budgets (upstream registry/core/pod/storage/eviction.go). */
export class EvictionHandler implements SubresourceHandler {
  readonly methods = ['POST'];
  readonly #deps: SubresourceDeps;
  constructor(deps: SubresourceDeps) {
    this.#deps = deps;
  }

  async handle(context: RequestContext): Promise<ApiResponse> {
    const { namespace, name } = context.info;
    const eviction = await this.#deps.codec.read<policy.Eviction>(context, 'policy.v1.Eviction');
    if ((eviction.metadata.name ?? '') !== '' && eviction.metadata.name !== name) {
      throw Errors.badRequest('name in URL does not match name in Eviction object');
    }
    await admitCreate(this.#deps, context, 'core.v1.Pod', eviction);
    const pod = await this.#deps.store.get<core.Pod>(this.#deps.kind('core.v1.Pod'), namespace, name);
    if (pod === undefined) throw Errors.notFound({ group: '', resource: 'pods' }, name);
    const options = eviction.deleteOptions ?? {};
    const dryRun = isDryRun(context) || (options.dryRun ?? []).includes('All');
    if (!ignoresBudgets(pod)) await this.#takeFromBudget(pod, dryRun);
    if (!dryRun) {
      await this.#mark(pod);
      // The Pod that the budget was checked for, not a namesake that has come meanwhile.
      const preconditions = { uid: pod.metadata.uid, ...options.preconditions };
      await this.#deps.deletePod(context, namespace, name, { ...options, preconditions });
    }
    return this.#deps.codec.write(context, 201, success as unknown as KubeObject);
  }

  async #takeFromBudget(pod: core.Pod, dryRun: boolean): Promise<void> {
    const budget = await this.#budgetOf(pod);
    if (budget === undefined) return;
    const kind = this.#deps.kind('policy.v1.PodDisruptionBudget');
    const { namespace = '', name = '' } = budget.metadata;
    const now = `${new Date(this.#deps.clock.now()).toISOString().slice(0, 19)}Z`;
    if (unhealthyMayGo(pod, budget)) return;
    if (dryRun) {
      consume(budget, pod.metadata.name!, now);
      return;
    }
    await this.#deps.store.update<policy.PodDisruptionBudget>(kind, namespace, name, (object) =>
      consume(object, pod.metadata.name!, now),
    );
  }

  async #budgetOf(pod: core.Pod): Promise<policy.PodDisruptionBudget | undefined> {
    const kind = this.#deps.kind('policy.v1.PodDisruptionBudget');
    const all = await this.#deps.store.list<policy.PodDisruptionBudget>(kind, pod.metadata.namespace);
    const matching = all.filter(({ spec }) => selectorMatches(spec?.selector, pod.metadata.labels));
    if (matching.length > 1) {
      throw Errors.internal(
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      );
    }
    return matching[0];
  }

  /** Controllers and people see why the Pod goes. */
  async #mark(pod: core.Pod): Promise<void> {
    const { namespace = '', name = '', uid } = pod.metadata;
    const lastTransitionTime = `${new Date(this.#deps.clock.now()).toISOString().slice(0, 19)}Z`;
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
      lastTransitionTime,
    };
    await this.#deps.store.update<core.Pod>(this.#deps.kind('core.v1.Pod'), namespace, name, (object) => {
      if (object.metadata.uid !== uid) return undefined;
      const others = (object.status?.conditions ?? []).filter(({ type }) => type !== 'DisruptionTarget');
      return { ...object, status: { ...object.status, conditions: [...others, condition] } };
    });
  }
}

/** Pods that run nothing, or that go anyway, disrupt nobody. */
function ignoresBudgets(pod: core.Pod): boolean {
  const phase = pod.status?.phase;
  return (
    phase === 'Succeeded' ||
    phase === 'Failed' ||
    phase === 'Pending' ||
    pod.metadata.deletionTimestamp !== undefined
  );
}

function unhealthyMayGo(pod: core.Pod, budget: policy.PodDisruptionBudget): boolean {
  const ready =
    pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
  if (ready) return false;
  if (budget.spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

/** Books one disruption, or throws TooManyRequests. */
function consume(budget: policy.PodDisruptionBudget, pod: string, now: string): policy.PodDisruptionBudget {
  const name = budget.metadata.name ?? '';
  const status = budget.status ?? {};
  if ((status.observedGeneration ?? 0) < (budget.metadata.generation ?? 0)) {
    const message = "Cannot evict pod as it would violate the pod's disruption budget.";
    throw tooMany(message, name, 'The disruption budget %s is still being processed by the server.', 10);
  }
  const allowed = status.disruptionsAllowed ?? 0;
  const resource = { group: 'policy', resource: 'poddisruptionbudgets' };
  if (allowed < 0) throw Errors.forbidden(resource, name, 'pdb disruptions allowed is negative');
  if (Object.keys(status.disruptedPods ?? {}).length > MAX_DISRUPTED) {
    throw Errors.forbidden(
      resource,
      name,
      'DisruptedPods map too big - too many evictions not confirmed by PDB controller',
    );
  }
  if (allowed === 0) {
    const cause = `The disruption budget %s needs ${status.desiredHealthy ?? 0} healthy pods and has ${status.currentHealthy ?? 0} currently`;
    throw tooMany("Cannot evict pod as it would violate the pod's disruption budget.", name, cause, 0);
  }
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...status.disruptedPods, [pod]: now },
    },
  };
}
