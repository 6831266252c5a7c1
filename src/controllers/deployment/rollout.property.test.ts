import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { apps } from '#api';
import { maxSurge, maxUnavailable, newReplicaSetSize, shrinkOld, sizeOf } from './rollout.js';

interface Set {
  object: apps.ReplicaSet;
  /** Pods that exist and are available. The status of `object` may lag behind. */
  available: number;
  unavailable: number;
}

/** A rollout in which every party acts in its own time and on old information. */
class Model {
  readonly deployment: apps.Deployment;
  sets: Set[] = [];
  /** Fewest available Pods seen since all were. */
  readonly floor: number;
  readonly ceiling: number;

  constructor(replicas: number, surge: number | string, unavailable: number | string) {
    this.deployment = {
      metadata: { name: 'web' },
      spec: {
        replicas,
        selector: {},
        template: { metadata: {} },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } },
      },
    };
    this.floor = replicas - maxUnavailable(this.deployment);
    this.ceiling = replicas + maxSurge(this.deployment);
    this.#addSet(replicas, replicas);
    this.newTemplate();
  }

  #addSet(size: number, available: number): void {
    const object = {
      metadata: {
        name: `s${this.sets.length}`,
        creationTimestamp: `2026-01-01T00:00:${10 + this.sets.length}Z`,
      },
      spec: { replicas: size, selector: {} },
      status: { replicas: available, availableReplicas: available },
    };
    this.sets.push({ object, available, unavailable: 0 });
  }

  newTemplate(): void {
    this.#addSet(0, 0);
  }

  #resize(object: apps.ReplicaSet, replicas: number): void {
    const set = this.sets.find((each) => each.object === object)!;
    set.object = { ...object, spec: { ...object.spec!, replicas } };
  }

  /** One step of the deployment controller. */
  roll(): boolean {
    const objects = this.sets.map((set) => set.object);
    const newest = objects.at(-1)!;
    const size = newReplicaSetSize(this.deployment, objects, sizeOf(newest));
    if (size !== sizeOf(newest)) {
      this.#resize(newest, size);
      return true;
    }
    const resizes = shrinkOld(this.deployment, newest, objects.slice(0, -1));
    for (const { replicaSet, replicas } of resizes) this.#resize(replicaSet, replicas);
    return resizes.length > 0;
  }

  /** The ReplicaSet controller makes Pods, or deletes them, unavailable ones first. */
  reconcile(set: Set): void {
    const missing = sizeOf(set.object) - set.available - set.unavailable;
    if (missing >= 0) set.unavailable += missing;
    else {
      const broken = Math.min(set.unavailable, -missing);
      set.unavailable -= broken;
      set.available -= -missing - broken;
    }
  }

  becomeAvailable(set: Set): void {
    if (set.unavailable === 0) return;
    set.unavailable -= 1;
    set.available += 1;
  }

  report(set: Set): void {
    const { available, unavailable } = set;
    const status = { replicas: available + unavailable, availableReplicas: available };
    set.object = { ...set.object, status };
  }

  check(): void {
    const available = this.sets.reduce((sum, set) => sum + set.available, 0);
    const wanted = this.sets.reduce((sum, set) => sum + sizeOf(set.object), 0);
    expect(available).toBeGreaterThanOrEqual(this.floor);
    expect(wanted).toBeLessThanOrEqual(this.ceiling);
  }
}

const bound = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom('0%', '25%', '50%', '100%'));
const action = fc.record({
  kind: fc.constantFrom('roll', 'reconcile', 'available', 'report', 'template' as const),
  set: fc.nat(10),
});

describe('a rolling update', () => {
  it('keeps the promised availability and never exceeds the surge, in every order of events', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        bound,
        bound,
        fc.array(action, { maxLength: 120 }),
        (replicas, surge, unavailable, actions) => {
          const model = new Model(replicas, surge, unavailable);
          for (const { kind, set } of actions) {
            const chosen = model.sets[set % model.sets.length]!;
            if (kind === 'roll') model.roll();
            if (kind === 'reconcile') model.reconcile(chosen);
            if (kind === 'available') model.becomeAvailable(chosen);
            if (kind === 'report') model.report(chosen);
            if (kind === 'template' && model.sets.length < 5) model.newTemplate();
            model.check();
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('always completes when Pods become available', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20 }), bound, bound, (replicas, surge, unavailable) => {
        const model = new Model(replicas, surge, unavailable);
        for (let round = 0; round < 200; round++) {
          model.roll();
          for (const set of model.sets) {
            model.reconcile(set);
            while (set.unavailable > 0) model.becomeAvailable(set);
            model.report(set);
          }
          model.check();
        }
        expect(model.sets.map((set) => set.available)).toEqual([0, replicas]);
      }),
      { numRuns: 200 },
    );
  });
});
