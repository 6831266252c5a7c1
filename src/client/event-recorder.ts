import { randomBytes } from 'node:crypto';
import { type core, type KubeObject, objectKey } from '#api';
import { type Clock, type Logger, systemClock } from '#base';
import type { Client, EventRecorder } from './client.js';
import { Resources } from './resources.js';

/** Upstream's spam filter: a burst of 25 events per source and object, then one every five minutes. */
const BURST = 25;
const REFILL_MS = 300_000;
const QUEUE_LIMIT = 1000;
const TRACKED_LIMIT = 4096;

export interface EventRecorderOptions {
  /** `source.component`, e.g. `endpoint-slice-controller`. */
  component: string;
  /** `source.host` for node components. */
  host?: string;
  logger: Logger;
  clock?: Clock;
}

interface Seen {
  name: string;
  namespace: string;
  count: number;
  firstTimestamp: string;
}

/**
 * Writes core/v1 Events in the background: repeats raise `count` on the same Event, bursts are filtered, the
 * queue is bounded, and failures are logged and dropped (client-go tools/record).
 */
export function createEventRecorder(
  client: Client,
  options: EventRecorderOptions,
): EventRecorder & { stop(): void } {
  return new Recorder(client, options);
}

class Recorder implements EventRecorder {
  readonly #client: Client;
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #seen = new Map<string, Seen>();
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  readonly #queue: (() => Promise<void>)[] = [];
  #draining = false;
  #stopped = false;

  constructor(client: Client, options: EventRecorderOptions) {
    this.#client = client;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  stop(): void {
    this.#stopped = true;
    this.#queue.length = 0;
  }

  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.#stopped || this.#queue.length >= QUEUE_LIMIT || !this.#allow(object)) return;
    const key = [object.kind, objectKey(object), object.metadata.uid, type, reason, message].join('|');
    this.#queue.push(() => this.#write(key, object, type, reason, message));
    if (!this.#draining) void this.#drain();
  }

  #allow(object: KubeObject): boolean {
    const key = `${object.kind}|${objectKey(object)}`;
    const now = this.#clock.now();
    const bucket = this.#buckets.get(key) ?? { tokens: BURST, at: now };
    bucket.tokens = Math.min(BURST, bucket.tokens + (now - bucket.at) / REFILL_MS);
    bucket.at = now;
    remember(this.#buckets, key, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      try {
        await job();
      } catch (error) {
        if (!this.#stopped) this.#options.logger.debug('event dropped', { err: error });
      }
    }
    this.#draining = false;
  }

  async #write(
    key: string,
    object: KubeObject,
    type: string,
    reason: string,
    message: string,
  ): Promise<void> {
    const now = `${new Date(this.#clock.now()).toISOString().slice(0, 19)}Z`;
    const seen = this.#seen.get(key);
    const events = this.#client.resource(Resources.events);
    if (seen !== undefined) {
      seen.count++;
      try {
        await events.patch(seen.name, seen.namespace, 'merge', { count: seen.count, lastTimestamp: now });
        return;
      } catch {
        // The Event has expired or was deleted: write a new one.
        this.#seen.delete(key);
      }
    }
    const namespace = object.metadata.namespace ?? 'default';
    const created = await events.create(this.#build(object, type, reason, message, now, namespace));
    remember(this.#seen, key, { name: created.metadata.name!, namespace, count: 1, firstTimestamp: now });
  }

  #build(
    object: KubeObject,
    type: string,
    reason: string,
    message: string,
    now: string,
    namespace: string,
  ): core.Event {
    const { name, uid, resourceVersion } = object.metadata;
    const { component, host } = this.#options;
    return {
      metadata: { name: `${name}.${randomBytes(8).toString('hex')}`, namespace },
      involvedObject: {
        kind: object.kind!,
        namespace: object.metadata.namespace ?? '',
        name: name!,
        uid: uid ?? '',
        apiVersion: object.apiVersion ?? '',
        resourceVersion: resourceVersion ?? '',
      },
      type,
      reason,
      message: message.slice(0, 1024),
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component,
      reportingInstance: host ?? '',
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
  }
}

/** Map with least-recently-set eviction. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > TRACKED_LIMIT) map.delete(map.keys().next().value!);
}
