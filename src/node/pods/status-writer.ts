import { isDeepStrictEqual } from 'node:util';
import { type core, isConflict, isNotFound } from '#api';
import type { Clock, Logger } from '#base';
import { type Client, Resources } from '#client';

type MakeStatus = (stored: core.Pod) => core.PodStatus;

interface Slot {
  name: string;
  namespace: string;
  /** The newest status that is still to be written; computed when its turn comes. */
  make: MakeStatus | undefined;
  /** The pod as the server answered our last write; newer than any cache. */
  answered: core.Pod | undefined;
  writing: Promise<void> | undefined;
  cancelTimer: (() => void) | undefined;
  failures: number;
}

const RETRY_MS = [20, 100, 500, 1000, 2000, 5000];

/**
 * Writes pod statuses: one write per pod at a time, the newest state wins, nothing is written when nothing
 * differs, conflicts are answered by reading again. (kubelet/status/status_manager.go, which batches; here a
 * change is written at once, since endpoints wait for it.)
 */
export class StatusWriter {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #cached: (namespace: string, name: string) => core.Pod | undefined;
  readonly #slots = new Map<string, Slot>();
  #stopped = false;

  constructor(options: {
    client: Client;
    clock: Clock;
    logger: Logger;
    /** The pod as the informer has it. */
    cached: (namespace: string, name: string) => core.Pod | undefined;
  }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#cached = options.cached;
  }

  /** Asks for a write, `delayMs` from now unless a later call asks for less. */
  set(pod: core.Pod, make: MakeStatus, delayMs = 0): void {
    const uid = pod.metadata.uid!;
    const slot: Slot = this.#slots.get(uid) ?? {
      name: pod.metadata.name!,
      namespace: pod.metadata.namespace!,
      make: undefined,
      answered: undefined,
      writing: undefined,
      cancelTimer: undefined,
      failures: 0,
    };
    this.#slots.set(uid, slot);
    slot.make = make;
    if (delayMs > 0) this.#later(uid, slot, delayMs);
    else this.#kick(uid, slot);
  }

  /** Resolves when everything asked for has been written, or the pod is gone, or the writer stops. */
  async flushed(uid: string): Promise<void> {
    for (let slot = this.#slots.get(uid); slot !== undefined && !this.#stopped; slot = this.#slots.get(uid)) {
      if (slot.make === undefined && slot.writing === undefined) return;
      if (slot.writing === undefined && slot.failures > 0) await this.#pause(slot);
      this.#kick(uid, slot);
      await slot.writing;
    }
  }

  /** Forgets a pod that no longer exists. */
  forget(uid: string): void {
    this.#slots.get(uid)?.cancelTimer?.();
    this.#slots.delete(uid);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const writing = [...this.#slots.values()].map((slot) => slot.writing);
    for (const uid of [...this.#slots.keys()]) this.forget(uid);
    await Promise.all(writing);
  }

  #pause(slot: Slot): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(retryDelay(slot), resolve));
  }

  #later(uid: string, slot: Slot, ms: number): void {
    if (slot.cancelTimer !== undefined || slot.writing !== undefined) return;
    slot.cancelTimer = this.#clock.after(ms, () => {
      slot.cancelTimer = undefined;
      this.#kick(uid, slot);
    });
  }

  #kick(uid: string, slot: Slot): void {
    if (slot.writing !== undefined || this.#stopped || slot.make === undefined) return;
    slot.cancelTimer?.();
    slot.cancelTimer = undefined;
    slot.writing = this.#drain(uid, slot).finally(() => {
      slot.writing = undefined;
      if (slot.make !== undefined && slot.failures > 0 && this.#slots.get(uid) === slot)
        this.#later(uid, slot, retryDelay(slot));
      else this.#kick(uid, slot);
    });
  }

  async #drain(uid: string, slot: Slot): Promise<void> {
    while (slot.make !== undefined && !this.#stopped) {
      const { make } = slot;
      slot.make = undefined;
      try {
        await this.#write(uid, slot, make);
        slot.failures = 0;
      } catch (error) {
        if (isNotFound(error)) return this.forget(uid);
        slot.make ??= make;
        slot.failures++;
        // The next base is read from the server.
        slot.answered = undefined;
        if (!isConflict(error) || slot.failures > 3)
          this.#logger.warn('cannot write a pod status', {
            pod: `${slot.namespace}/${slot.name}`,
            err: error,
          });
        if (!isConflict(error)) return;
        slot.answered = await this.#read(slot).catch(() => undefined);
      }
    }
  }

  #read(slot: Slot): Promise<core.Pod> {
    return this.#client.resource(Resources.pods).get(slot.name, slot.namespace);
  }

  async #write(uid: string, slot: Slot, make: MakeStatus): Promise<void> {
    const stored = newer(this.#cached(slot.namespace, slot.name), slot.answered) ?? (await this.#read(slot));
    if (stored.metadata.uid !== uid) return this.forget(uid);
    const status = make(stored);
    if (sameStatus(stored.status, status)) return;
    slot.answered = await this.#client
      .resource(Resources.pods)
      .updateSubresource('status', { ...stored, apiVersion: 'v1', kind: 'Pod', status });
  }
}

function retryDelay(slot: Slot): number {
  return RETRY_MS[Math.min(slot.failures, RETRY_MS.length) - 1] ?? RETRY_MS[0]!;
}

/** The one with the higher resourceVersion. */
function newer(a: core.Pod | undefined, b: core.Pod | undefined): core.Pod | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const [x, y] = [a.metadata.resourceVersion ?? '', b.metadata.resourceVersion ?? ''];
  return x.length === y.length ? (x > y ? a : b) : x.length > y.length ? a : b;
}

/** Equality that does not see absent, null and empty values as different, as Go's JSON does not. */
function sameStatus(a: core.PodStatus | undefined, b: core.PodStatus): boolean {
  return isDeepStrictEqual(compact(a ?? {}), compact(b));
}

function compact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(compact);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value)
    .map(([key, inner]) => [key, compact(inner)] as const)
    .filter(([, inner]) => inner !== undefined && inner !== null && !isEmpty(inner));
  return Object.fromEntries(entries);
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
