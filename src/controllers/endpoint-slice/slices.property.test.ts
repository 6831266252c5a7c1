import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { core, discovery } from '#api';
import { node, pod, service } from '../testing/objects.js';
import { endpointIdentity } from './endpoint.js';
import { CONTROLLER_NAME, sliceLabels } from './labels.js';
import { pairCreatesWithDeletes, planFamily } from './plan.js';
import { removeHints } from './topology.js';
import { distributeTraffic } from './traffic-distribution.js';

type Slice = discovery.EndpointSlice;

/** What can happen to a Service and its Pods. */
type Step =
  | { kind: 'add'; count: number; port: string }
  | { kind: 'remove'; every: number }
  | { kind: 'flip'; every: number }
  | { kind: 'terminate'; every: number }
  | { kind: 'relabel'; value: string }
  | { kind: 'distribution'; value: string | undefined }
  | { kind: 'lose'; slice: number }
  | { kind: 'drain'; slice: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    count: fc.integer({ min: 1, max: 25 }),
    port: fc.constantFrom('a', 'b'),
  }),
  fc.record({ kind: fc.constant('remove' as const), every: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant('flip' as const), every: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant('terminate' as const), every: fc.integer({ min: 2, max: 9 }) }),
  fc.record({ kind: fc.constant('relabel' as const), value: fc.constantFrom('x', 'y') }),
  fc.record({
    kind: fc.constant('distribution' as const),
    value: fc.constantFrom(undefined, 'PreferSameZone', 'PreferSameNode'),
  }),
  fc.record({ kind: fc.constant('lose' as const), slice: fc.nat(5) }),
  fc.record({ kind: fc.constant('drain' as const), slice: fc.nat(5) }),
);

const MAX = 10;

/** A Service, its Pods and its slices, with a server that stores what is planned. */
class Model {
  service = service('web', { spec: { ports: [{ port: 80, targetPort: 'p', protocol: 'TCP' }] } });
  pods = new Map<string, core.Pod>();
  slices = new Map<string, Slice>();
  #next = 0;
  readonly #nodes = new Map(['n0', 'n1', 'n2'].map((name, i) => [name, node(name, { zone: `z${i}` })]));

  constructor() {
    this.service.metadata.uid = 'service-uid';
  }

  apply(step: Step): void {
    const chosen = [...this.pods.values()].filter((_, i) => 'every' in step && i % step.every === 0);
    if (step.kind === 'add') for (let i = 0; i < step.count; i++) this.#addPod(step.port);
    if (step.kind === 'remove') for (const each of chosen) this.pods.delete(each.metadata.name!);
    if (step.kind === 'flip') for (const each of chosen) this.#flip(each);
    if (step.kind === 'terminate')
      for (const each of chosen)
        this.pods.set(each.metadata.name!, {
          ...each,
          metadata: { ...each.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
        });
    if (step.kind === 'relabel')
      this.service = { ...this.service, metadata: { ...this.service.metadata, labels: { l: step.value } } };
    if (step.kind === 'distribution') this.#distribute(step.value);
    if (step.kind === 'lose') this.slices.delete([...this.slices.keys()][step.slice] ?? '');
    if (step.kind === 'drain')
      for (const endpoint of [...this.slices.values()][step.slice]?.endpoints ?? [])
        this.pods.delete(endpoint.targetRef!.name!);
  }

  #addPod(port: string): void {
    const i = this.#next++;
    const made = pod(`p${i}`, {
      ip: `10.0.${i >> 8}.${i & 255}`,
      nodeName: `n${i % 3}`,
      spec: {
        containers: [
          { name: 'c', ports: [{ name: 'p', containerPort: port === 'a' ? 8080 : 9090, protocol: 'TCP' }] },
        ],
      },
    });
    this.pods.set(made.metadata.name!, made);
  }

  #flip(each: core.Pod): void {
    const ready = each.status!.conditions![0]!.status === 'True' ? 'False' : 'True';
    const status = { ...each.status!, conditions: [{ type: 'Ready', status: ready }] };
    this.pods.set(each.metadata.name!, { ...each, status });
  }

  #distribute(trafficDistribution: string | undefined): void {
    const { trafficDistribution: _old, ...spec } = this.service.spec!;
    this.service = {
      ...this.service,
      spec: trafficDistribution === undefined ? spec : { ...spec, trafficDistribution },
    };
  }

  plan() {
    const raw = planFamily({
      service: this.service,
      pods: [...this.pods.values()],
      nodeOf: (name) => this.#nodes.get(name),
      existing: structuredClone([...this.slices.values()]),
      addressType: 'IPv4',
      maxEndpoints: MAX,
    });
    const distribution = this.service.spec!.trafficDistribution;
    const hinted = distribution === undefined ? removeHints(raw) : distributeTraffic(distribution, raw);
    return pairCreatesWithDeletes(this.service, hinted);
  }

  /**
   * The least number of writes that can bring the slices up to date: every slice that is wrong is written, a
   * slice that is given up counts for a new one too, and no write adds more than a slice holds.
   */
  leastWrites(): number {
    const missing = new Map<string, number>();
    const wanted = this.wanted();
    for (const key of wanted.keys()) count(missing, portOf(key), 1);
    let updates = 0;
    let givenUp = 0;
    for (const slice of this.slices.values()) {
      const port = String(slice.ports?.[0]?.port);
      const endpoints = slice.endpoints ?? [];
      const keys = endpoints.map((endpoint) => `${endpointIdentity(endpoint)}@${port}`);
      const kept = keys.filter((key) => wanted.has(key)).length;
      count(missing, port, -kept);
      const isPlaceholder = endpoints.length === 0;
      if (kept === 0 && !(isPlaceholder && wanted.size === 0)) givenUp += 1;
      else if (kept < keys.length || !this.#isRight(slice, keys)) {
        updates += 1;
        count(missing, port, kept - MAX);
      }
    }
    const none = wanted.size === 0 && givenUp === this.slices.size ? 1 : 0;
    const fresh = [...missing.values()].reduce((sum, n) => sum + Math.ceil(Math.max(0, n) / MAX), none);
    return updates + Math.max(fresh, givenUp);
  }

  #isRight(slice: Slice, keys: string[]): boolean {
    const wanted = this.wanted();
    const ready = (slice.endpoints ?? []).every((e, i) => {
      const pod = this.pods.get(e.targetRef!.name!)!;
      const terminating = pod.metadata.deletionTimestamp !== undefined;
      const serving = pod.status!.conditions![0]!.status === 'True';
      const { conditions } = e;
      return (
        conditions!.ready === wanted.get(keys[i]!) &&
        conditions!.serving === serving &&
        conditions!.terminating === terminating
      );
    });
    const labels = JSON.stringify(slice.metadata.labels?.['l']);
    return ready && labels === JSON.stringify(this.service.metadata.labels?.['l']);
  }

  /** Carries a plan out and returns the number of writes. */
  sync(): number {
    const { create, update, remove } = this.plan();
    for (const slice of create) {
      const name = `web-${this.#next++}`;
      this.slices.set(name, structuredClone({ ...slice, metadata: { ...slice.metadata, name, uid: name } }));
    }
    for (const slice of update) {
      expect(this.slices.has(slice.metadata.name!)).toBe(true);
      this.slices.set(slice.metadata.name!, structuredClone(slice));
    }
    for (const slice of remove) expect(this.slices.delete(slice.metadata.name!)).toBe(true);
    return create.length + update.length + remove.length;
  }

  /** Readiness of every endpoint, by identity and port. */
  published(): Map<string, boolean> {
    const found = new Map<string, boolean>();
    for (const slice of this.slices.values())
      for (const endpoint of slice.endpoints ?? []) {
        const key = `${endpointIdentity(endpoint)}@${slice.ports?.[0]?.port}`;
        expect(found.has(key), `${key} is in two slices`).toBe(false);
        found.set(key, endpoint.conditions!.ready!);
      }
    return found;
  }

  wanted(): Map<string, boolean> {
    return new Map(
      [...this.pods.values()].map(({ metadata, spec, status }) => [
        `${status!.podIP}||default/${metadata.name}@${spec!.containers[0]!.ports![0]!.containerPort}`,
        status!.conditions![0]!.status === 'True' && metadata.deletionTimestamp === undefined,
      ]),
    );
  }
}

function portOf(key: string): string {
  return key.slice(key.indexOf('@') + 1);
}
function count(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

describe('slices of a Service', () => {
  it('hold exactly the matching Pods after any sequence of changes, within limits, and then rest', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const model = new Model();
        for (const each of steps) {
          model.apply(each);
          model.sync();
          expect(model.published()).toEqual(model.wanted());
          for (const slice of model.slices.values()) {
            expect(slice.endpoints!.length).toBeLessThanOrEqual(MAX);
            expect(slice.metadata.labels).toEqual(sliceLabels(model.service, CONTROLLER_NAME));
          }
          expect(model.slices.size).toBeGreaterThan(0);
          expect(model.sync(), 'writes without a change').toBe(0);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('cost the least number of writes that any packing could cost, after any sequence of changes', () => {
    const changes = fc.array(step, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 12 }), (rounds) => {
        const model = new Model();
        for (const round of rounds) {
          // Hints follow the packing and may concern slices of which nothing else has changed.
          for (const each of round) if (each.kind !== 'distribution') model.apply(each);
          const least = model.leastWrites();
          expect(model.sync()).toBe(least);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('give every ready endpoint the hints that the Service asks for, and none otherwise', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), (steps) => {
        const model = new Model();
        for (const each of steps) {
          model.apply(each);
          model.sync();
        }
        const distribution = model.service.spec!.trafficDistribution;
        for (const endpoint of [...model.slices.values()].flatMap((slice) => slice.endpoints ?? [])) {
          if (distribution === undefined) expect(endpoint.hints).toBeUndefined();
          else if (endpoint.conditions!.ready) {
            expect(endpoint.hints?.forZones).toEqual([{ name: endpoint.zone }]);
            const nodes = distribution === 'PreferSameNode' ? [{ name: endpoint.nodeName }] : undefined;
            expect(endpoint.hints?.forNodes).toEqual(nodes);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('cost one write for one changed Pod, however many slices there are', () => {
    const model = new Model();
    model.apply({ kind: 'add', count: 1000, port: 'a' });
    model.sync();
    expect(model.slices.size).toBe(100);
    for (let i = 0; i < 50; i++) {
      const name = `p${i * 17}`;
      const changed = model.pods.get(name)!;
      model.pods.set(name, {
        ...changed,
        status: { ...changed.status, conditions: [{ type: 'Ready', status: 'False' }] },
      });
      expect(model.sync()).toBe(1);
    }
    model.pods.delete('p999');
    expect(model.sync()).toBe(1);
    model.apply({ kind: 'add', count: 1, port: 'a' });
    expect(model.sync()).toBe(1);
  });

  it('move Pods into a slice that is given up rather than into one that need not change', () => {
    const model = new Model();
    model.apply({ kind: 'add', count: 15, port: 'a' });
    model.sync();
    model.apply({ kind: 'drain', slice: 0 });
    model.apply({ kind: 'add', count: 1, port: 'a' });
    expect(model.sync()).toBe(1);
  });

  it('replace Pods in the slices that change anyway', () => {
    const model = new Model();
    model.apply({ kind: 'add', count: 100, port: 'a' });
    model.sync();
    for (let i = 0; i < 10; i++) model.pods.delete(`p${i}`);
    model.apply({ kind: 'add', count: 10, port: 'a' });
    // The emptied slice is reused for the new Pods: one update, no create, no delete.
    const { create, update, remove } = model.plan();
    expect([create.length, update.length, remove.length]).toEqual([0, 1, 0]);
  });
});
