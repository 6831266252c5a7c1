import type { ContainerUnit } from './container-unit.js';
import { isFinished, isInitialized } from './pod-phase.js';
import type { PodUnits } from './pod-units.js';

/**
 * Which containers should be running now and are not: init containers one after the other, sidecars from their
 * place in that order on, and all others once the init containers have succeeded and the sidecars have started.
 */
export function nextStarts(units: PodUnits, restartPolicy: string): ContainerUnit[] {
  const due: ContainerUnit[] = units.of('ephemeral').filter((unit) => unit.state.kind === 'waiting');
  for (const unit of units.of('init', 'sidecar')) {
    const { view } = unit;
    if (unit.state.kind !== 'running' && !(unit.role === 'init' && isInitialized(view))) {
      if (!isFinished(view, restartPolicy)) due.push(unit);
      if (unit.role === 'init' || !isInitialized(view)) return due;
    }
    if (!isInitialized(unit.view)) return due;
  }
  const main = units
    .of('main')
    .filter((unit) => unit.state.kind !== 'running' && !isFinished(unit.view, restartPolicy));
  return [...due, ...main];
}
