import { setTimeout as delay } from 'node:timers/promises';
import type { discovery } from '#api';
import { silentLogger } from '#base';
import { type Client, createInformerFactory, Resources } from '#client';
import { progress } from './progress.js';

/** Sees slices as any consumer does, and remembers when each Pod's readiness came through. */
export class SliceWatch {
  readonly #informers;
  readonly #slices;
  readonly #seen = new Map<string, boolean>();
  readonly #pending = new Map<string, { ready: boolean; sentAt: number; ackedAt: number; seenAt: number }>();
  #fromRequest: number[] = [];
  #fromAck: number[] = [];
  #events = 0;

  constructor(client: Client) {
    this.#informers = createInformerFactory(client, { logger: silentLogger });
    this.#slices = this.#informers.informer(Resources.endpointSlices, { transform: readinessOnly });
    this.#slices.on({ add: (slice) => this.#changed(slice), update: (slice) => this.#changed(slice) });
  }

  async ready(): Promise<void> {
    this.#informers.start();
    await this.#informers.synced();
  }
  stop(): void {
    this.#informers.stop();
  }
  begin(): void {
    this.#fromRequest = [];
    this.#fromAck = [];
    this.#events = 0;
  }
  isReady(pod: string): boolean {
    return this.#seen.get(pod) ?? false;
  }

  sent(pod: string, ready: boolean): void {
    this.#pending.set(pod, { ready, sentAt: performance.now(), ackedAt: 0, seenAt: 0 });
  }
  acknowledged(pod: string): void {
    const change = this.#pending.get(pod);
    if (change === undefined) return;
    change.ackedAt = performance.now();
    this.#finish(pod);
  }

  #changed(slice: discovery.EndpointSlice): void {
    this.#events += 1;
    for (const { targetRef, conditions } of slice.endpoints ?? []) {
      const pod = targetRef?.name ?? '';
      this.#seen.set(pod, conditions?.ready === true);
      const change = this.#pending.get(pod);
      if (change === undefined || change.seenAt > 0 || change.ready !== conditions?.ready) continue;
      change.seenAt = performance.now();
      this.#finish(pod);
    }
  }

  #finish(pod: string): void {
    const { sentAt, ackedAt, seenAt } = this.#pending.get(pod)!;
    if (ackedAt === 0 || seenAt === 0) return;
    this.#pending.delete(pod);
    this.#fromRequest.push(seenAt - sentAt);
    // The slice may be there before the Pod's writer has read its answer.
    this.#fromAck.push(Math.max(0, seenAt - ackedAt));
  }

  /** Resolves when as many Pods are in slices, ready or not; throws when they no longer become more. */
  async holds(pods: number): Promise<void> {
    const show = progress('Pods in slices', pods);
    await this.#until(
      () => pods - this.#seen.size,
      (left) => show(pods - left),
    );
  }

  /** Resolves when everything that was sent has been seen; throws when no more comes. */
  async drained(): Promise<void> {
    await this.#until(
      () => this.#pending.size,
      () => {},
    );
  }

  async #until(left: () => number, show: (left: number) => void): Promise<void> {
    let moved = Date.now();
    for (let last = left(); last > 0; ) {
      await delay(5);
      const now = left();
      show(Math.max(0, now));
      if (now < last) moved = Date.now();
      else if (Date.now() - moved > 60_000) throw new Error(`${now} changes never reached a slice`);
      last = now;
    }
  }

  results(): { fromRequest: number[]; fromAck: number[]; events: number } {
    const sorted = (values: number[]) => [...values].sort((a, b) => a - b);
    return { fromRequest: sorted(this.#fromRequest), fromAck: sorted(this.#fromAck), events: this.#events };
  }
}

/** The consumer's own cache is not the matter: the benchmark's memory is to be the control plane's. */
function readinessOnly({
  metadata,
  addressType,
  endpoints,
}: discovery.EndpointSlice): discovery.EndpointSlice {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    metadata: { name, namespace, uid, resourceVersion },
    addressType,
    endpoints: (endpoints ?? []).map(({ conditions, targetRef }) => ({
      addresses: [],
      conditions: { ready: conditions?.ready },
      targetRef: { name: targetRef?.name },
    })),
  } as discovery.EndpointSlice;
}
