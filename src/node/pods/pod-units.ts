import type { core } from '#api';
import type { ContainerRole } from './container-state.js';
import { ContainerUnit, type UnitDeps, type UnitScope } from './container-unit.js';
import { restoredState } from './restore.js';

function roleOfInit(container: core.Container): ContainerRole {
  return container.restartPolicy === 'Always' ? 'sidecar' : 'init';
}

/** The containers of one pod in the order in which they start. */
export class PodUnits {
  readonly #units: ContainerUnit[];
  readonly #scope: UnitScope;
  readonly #deps: UnitDeps;

  constructor(pod: core.Pod, scope: UnitScope, deps: UnitDeps) {
    this.#scope = scope;
    this.#deps = deps;
    const make = (spec: core.Container, role: ContainerRole) =>
      new ContainerUnit(spec, role, scope, deps, restoredState(pod, spec.name, role, deps.clock.now()));
    this.#units = [
      ...(pod.spec?.initContainers ?? []).map((spec) => make(spec, roleOfInit(spec))),
      ...(pod.spec?.containers ?? []).map((spec) => make(spec, 'main')),
    ];
    this.addEphemeral(pod);
  }

  get all(): ContainerUnit[] {
    return this.#units;
  }
  of(...roles: ContainerRole[]): ContainerUnit[] {
    return this.#units.filter((unit) => roles.includes(unit.role));
  }
  get(name: string): ContainerUnit | undefined {
    return this.#units.find((unit) => unit.name === name);
  }

  /** Debug containers are added to running pods. */
  addEphemeral(pod: core.Pod): void {
    for (const spec of pod.spec?.ephemeralContainers ?? []) {
      if (this.get(spec.name) !== undefined) continue;
      const restored = restoredState(pod, spec.name, 'ephemeral', this.#deps.clock.now());
      this.#units.push(new ContainerUnit(spec, 'ephemeral', this.#scope, this.#deps, restored));
    }
  }
}
