import { type rbac, selectorMatches } from '#api';
import type { Startable } from '#base';
import type { ServerDeps } from '../deps.js';
import { Mirror } from '../mirror.js';

const DELAY_MS = 50;

/**
 * Writes the union of the selected ClusterRoles into each one with an aggregationRule (upstream's
 * clusterrole-aggregation controller), so that `kubectl get clusterrole view -o yaml` shows what applies.
 */
export class RoleAggregation implements Startable {
  readonly #deps: ServerDeps;
  readonly #roles: Mirror<rbac.ClusterRole, rbac.ClusterRole>;
  #cancel: (() => void) | undefined;
  #running = false;
  #again = false;

  constructor(deps: ServerDeps) {
    this.#deps = deps;
    this.#roles = new Mirror({
      store: deps.store,
      kind: deps.kind('rbac.v1.ClusterRole'),
      project: (role: rbac.ClusterRole) => role,
      onChange: () => this.#schedule(),
    });
  }

  start(): Promise<void> {
    return this.#roles.start();
  }
  async stop(): Promise<void> {
    this.#cancel?.();
    await this.#roles.stop();
  }

  #schedule(): void {
    if (this.#running) this.#again = true;
    else this.#cancel ??= this.#deps.clock.after(DELAY_MS, () => void this.#run());
  }

  async #run(): Promise<void> {
    this.#cancel = undefined;
    this.#running = true;
    this.#again = false;
    try {
      await this.aggregate();
    } catch (err) {
      this.#deps.logger.warn('cluster roles were not aggregated; will be tried again', { err });
      this.#again = true;
    }
    this.#running = false;
    if (this.#again) this.#schedule();
  }

  /** One pass over all aggregated roles. */
  async aggregate(): Promise<void> {
    const all = [...this.#roles.values()].sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
    for (const role of all) {
      if (role.aggregationRule === undefined) continue;
      const rules = union(all, role);
      if (JSON.stringify(rules) === JSON.stringify(role.rules ?? [])) continue;
      await this.#deps.store.update<rbac.ClusterRole>(
        this.#deps.kind('rbac.v1.ClusterRole'),
        '',
        role.metadata.name!,
        (object) => (object.aggregationRule === undefined ? undefined : { ...object, rules }),
      );
    }
  }
}

function union(all: rbac.ClusterRole[], role: rbac.ClusterRole): rbac.PolicyRule[] {
  const rules = new Map<string, rbac.PolicyRule>();
  for (const other of all) {
    const selected = (role.aggregationRule?.clusterRoleSelectors ?? []).some((selector) =>
      selectorMatches(selector, other.metadata.labels),
    );
    if (!selected || other.metadata.name === role.metadata.name) continue;
    for (const rule of other.rules ?? []) rules.set(JSON.stringify(rule), rule);
  }
  return [...rules.values()];
}
