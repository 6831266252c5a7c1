import { type core, isConflict, isNotFound } from '#api';
import type { Clock, Logger } from '#base';
import { type Client, type EventRecorder, Resources } from '#client';
import type { ConfigSource } from '../env/container-env.js';
import type { PodFacts } from '../env/fields.js';
import { utsName } from '../env/identity.js';
import type { DnsContext } from '../env/resolv-conf.js';
import type { LogStore } from '../logs/log-store.js';
import type { HostPorts } from '../network/host-ports.js';
import type { PodNetwork } from '../network/pod-network.js';
import type { PodRuntime } from '../runtime.js';
import type { PodVolumePaths } from '../volumes/pod-volumes.js';
import type { TokenSource } from '../volumes/tokens.js';
import { containerConfig } from './container-config.js';
import type { ContainerUnit } from './container-unit.js';
import { Deadline } from './deadline.js';
import { effectiveGraceSeconds } from './grace.js';
import { nextStarts } from './next-starts.js';
import { PodEnvironment } from './pod-environment.js';
import { isPodFinished } from './pod-phase.js';
import { isTerminal, type PodView, podStatus } from './pod-status.js';
import { PodUnits } from './pod-units.js';
import type { StatusWriter } from './status-writer.js';

export interface PodWorkerDeps {
  client: Client;
  runtime: PodRuntime;
  network: PodNetwork;
  hostPorts: HostPorts;
  logs: LogStore;
  statuses: StatusWriter;
  source: ConfigSource;
  tokens: TokenSource;
  clock: Clock;
  logger: Logger;
  events: EventRecorder;
  hostIPs: string[];
  hostname: string;
  dns: DnsContext;
  allocatable: () => Record<string, string | number>;
  services: () => core.Service[];
  /** Where the pod's volumes live. */
  volumePaths: (podUid: string) => PodVolumePaths;
  /** Seconds from creation to each step are observed here. */
  onStarted?: (pod: core.Pod) => void;
}

/** A pod that starts fast needs no status that says it is being created. */
const CREATING_STATUS_DELAY_MS = 150;
/** The ends of a pod's containers and of its namespaces come together; one status tells of all. */
const ENDING_STATUS_DELAY_MS = 50;
const DELETE_RETRY_MS = 500;

/** Runs one pod from the first sight of it until it is gone from the API. One step at a time. */
export class PodWorker {
  readonly uid: string;
  readonly units: PodUnits;
  readonly environment: PodEnvironment;
  /** Resolves when nothing of the pod is left on the node and in the API. */
  readonly done: Promise<void>;
  readonly #deps: PodWorkerDeps;
  readonly #logger: Logger;
  #pod: core.Pod;
  #removed = false;
  #stopping = false;
  #failure: PodView['failure'];
  #ending: Deadline | undefined;
  #ended = false;
  #wakeUp: () => void = () => {};
  #dirty = true;
  readonly #startTime: number;

  constructor(pod: core.Pod, deps: PodWorkerDeps) {
    this.uid = pod.metadata.uid!;
    this.#pod = pod;
    this.#deps = deps;
    this.#startTime = deps.clock.now();
    this.#logger = deps.logger.child({ pod: `${pod.metadata.namespace}/${pod.metadata.name}` });
    const scope = {
      pod: () => this.#pod,
      sandbox: () => this.environment.sandbox,
      podIP: () => this.environment.podIPs[0] ?? '127.0.0.1',
      configure: (
        container: core.Container,
        attempt: number,
        image: Parameters<typeof containerConfig>[0]['image'],
      ) =>
        containerConfig({
          container,
          attempt,
          image,
          env: { facts: this.facts(), services: deps.services(), source: deps.source },
          volumes: this.environment.volumes,
          hostname: this.hostname,
          etcFiles: this.environment.etcFiles,
          messageDirectory: this.environment.messageDirectory,
        }),
      changed: (wake: boolean) => this.#changed(wake),
      event: (type: 'Normal' | 'Warning', reason: string, message: string) =>
        deps.events.event(this.#reference(), type, reason, message),
    };
    this.environment = new PodEnvironment(this, deps);
    this.units = new PodUnits(pod, scope, deps);
    for (const unit of this.units.all)
      unit.onUnhealthy = (seconds) => void this.#restartUnhealthy(unit, seconds);
    this.done = this.#loop();
  }

  get pod(): core.Pod {
    return this.#pod;
  }
  get hostname(): string {
    return this.#pod.spec?.hostNetwork === true
      ? this.#deps.hostname
      : utsName(this.#pod, this.#deps.dns.clusterDomain);
  }

  facts(): PodFacts {
    return {
      pod: this.#pod,
      podIPs: this.environment.podIPs,
      hostIPs: this.#deps.hostIPs,
      allocatable: this.#deps.allocatable(),
    };
  }

  /** The pod as the API has it now. */
  update(pod: core.Pod): void {
    const old = this.#pod;
    this.#pod = pod;
    this.units.addEphemeral(pod);
    this.#applySpec(pod);
    if (pod.metadata.deletionTimestamp !== undefined)
      this.#ending?.shorten(effectiveGraceSeconds(pod) * 1000);
    const isNoteworthy =
      pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
      pod.metadata.generation !== old.metadata.generation ||
      JSON.stringify(pod.spec) !== JSON.stringify(old.spec);
    if (isNoteworthy) this.#wake();
    // Readiness gates and labels are other people's writes that our conditions and files follow.
    if (pod.metadata.resourceVersion !== old.metadata.resourceVersion) this.environment.podChanged(old);
    if ((pod.spec?.readinessGates ?? []).length > 0) this.#publish();
  }

  /** A container whose image has changed is restarted. */
  #applySpec(pod: core.Pod): void {
    for (const spec of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
      const unit = this.units.get(spec.name);
      if (unit?.updateSpec(spec) !== true) continue;
      const message = `Container ${spec.name} definition changed, will be restarted`;
      this.#deps.events.event(this.#reference(), 'Normal', 'Killing', message);
      void this.#restartUnhealthy(unit, undefined);
    }
  }

  /** The pod is gone from the API: what still runs is ended. */
  removed(): void {
    this.#removed = true;
    this.#wake();
  }

  /** The pod's namespaces ended without us: its containers are ending too, and a new sandbox is needed. */
  sandboxLost(): void {
    this.#wake();
  }

  /** The agent stops: everything of the pod ends at once, and its status stays as it is. */
  async abandon(): Promise<void> {
    this.#stopping = true;
    this.#ending?.shorten(0);
    this.#wake();
    await this.done;
  }

  /** Asks for another look at what is to be done. */
  #wake(): void {
    this.#dirty = true;
    this.#wakeUp();
  }

  #reference(): core.Pod {
    return { ...this.#pod, apiVersion: 'v1', kind: 'Pod' };
  }

  #changed(wake: boolean): void {
    this.#publish(this.#ending === undefined ? 0 : ENDING_STATUS_DELAY_MS);
    if (wake) this.#wake();
  }

  /** The state as the status shows it. */
  view(): PodView {
    return {
      containers: this.units.all.map((unit) => unit.view),
      podIPs: this.environment.podIPs,
      hostIPs: this.#deps.hostIPs,
      sandboxReady: this.environment.sandbox !== undefined,
      startTime: this.#startTime,
      failure: this.#failure,
      ending: this.#ending !== undefined || this.#failure !== undefined,
    };
  }

  #publish(delayMs = 0): void {
    if (this.#removed || this.#stopping) return;
    // A status is computed when its turn to be written comes, from the pod as it is stored then.
    this.#deps.statuses.set(
      this.#pod,
      (stored) => podStatus(stored, this.view(), this.#deps.clock.now()),
      delayMs,
    );
  }

  async #loop(): Promise<void> {
    while (!this.#ended) {
      this.#dirty = false;
      let next: number | undefined;
      try {
        next = await this.#sync();
      } catch (error) {
        this.#logger.error('pod sync failed', { err: error });
        next = 1000;
      }
      if (!this.#dirty && !this.#ended) await this.#sleep(next);
    }
  }

  #sleep(ms: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const cancel = ms === undefined ? () => {} : this.#deps.clock.after(ms, resolve);
      this.#wakeUp = () => {
        cancel();
        resolve();
      };
    });
  }

  /** One look at the pod; returns after how many milliseconds to look again unless something happens. */
  async #sync(): Promise<number | undefined> {
    if (this.#stopping) return this.#abandonNow();
    if (this.#removed || this.#pod.metadata.deletionTimestamp !== undefined) return this.#terminate();
    if (isTerminal(this.#pod.status) && this.environment.sandbox === undefined) return undefined;
    const policy = this.#pod.spec?.restartPolicy ?? 'Always';
    const overdue = this.#deadlineIn();
    if (overdue !== undefined && overdue <= 0) this.#exceeded();
    if (this.#failure !== undefined || isPodFinished(this.view().containers, policy)) return this.#finish();
    if (!this.environment.isReady) {
      for (const unit of this.units.of('main', 'init', 'sidecar'))
        unit.showWaiting(this.#initialReason(unit));
      this.#publish(CREATING_STATUS_DELAY_MS);
      const retry = await this.environment.prepare();
      if (retry !== undefined) return retry;
    }
    return earliest(overdue, this.#startDue(policy));
  }

  #initialReason(unit: ContainerUnit): string {
    return unit.role === 'main' && this.units.of('init', 'sidecar').length > 0
      ? 'PodInitializing'
      : 'ContainerCreating';
  }

  #startDue(policy: string): number | undefined {
    let next: number | undefined;
    for (const unit of nextStarts(this.units, policy)) {
      const wait = unit.dueIn();
      if (wait > 0) {
        unit.showBackoff();
        next = earliest(next, wait);
      } else {
        void unit.start();
      }
    }
    return next;
  }

  #deadlineIn(): number | undefined {
    const seconds = this.#pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined) return undefined;
    const since = Date.parse(this.#pod.status?.startTime ?? '') || this.#startTime;
    return since + seconds * 1000 - this.#deps.clock.now();
  }

  #exceeded(): void {
    const message = 'Pod was active on the node longer than the specified deadline';
    this.#failure ??= { reason: 'DeadlineExceeded', message };
    this.#deps.events.event(this.#reference(), 'Normal', 'DeadlineExceeded', message);
  }

  /** The pod has ended by itself: what is left (sidecars) ends, and its namespaces go. */
  async #finish(): Promise<undefined> {
    const deadline = new Deadline(this.#deps.clock, effectiveGraceSeconds(this.#pod) * 1000);
    await this.#stopAll(deadline);
    deadline.cancel();
    await this.environment.tearDown();
    this.#publish();
    return undefined;
  }

  async #terminate(): Promise<number | undefined> {
    const deadline = new Deadline(this.#deps.clock, effectiveGraceSeconds(this.#pod) * 1000);
    this.#ending ??= deadline;
    await this.#stopAll(this.#ending);
    this.#ending.cancel();
    await this.environment.tearDown();
    if (this.#stopping) return this.#abandonNow();
    if (!this.#removed) {
      this.#publish();
      await this.#deps.statuses.flushed(this.uid);
      if (!(await this.#deleteFromApi())) return DELETE_RETRY_MS;
    }
    this.#deps.statuses.forget(this.uid);
    this.#deps.tokens.forget(this.uid);
    this.environment.remove();
    this.#ended = true;
    return undefined;
  }

  async #abandonNow(): Promise<undefined> {
    const now = new Deadline(this.#deps.clock, 0);
    await this.#stopAll(now, '');
    await this.environment.tearDown();
    this.#ended = true;
    return undefined;
  }

  /** Main containers first, together; then the sidecars in reverse order. */
  async #stopAll(deadline: Deadline, reason?: string): Promise<void> {
    const why = (unit: ContainerUnit) => reason ?? `Stopping container ${unit.name}`;
    await Promise.all(
      this.units.of('main', 'init', 'ephemeral').map((unit) => unit.stop(deadline, why(unit))),
    );
    for (const unit of this.units.of('sidecar').reverse()) await unit.stop(deadline, why(unit));
  }

  async #restartUnhealthy(unit: ContainerUnit, graceSeconds: number | undefined): Promise<void> {
    const seconds = graceSeconds ?? this.#pod.spec?.terminationGracePeriodSeconds ?? 30;
    const deadline = new Deadline(this.#deps.clock, seconds * 1000);
    await unit.stop(deadline, '');
    deadline.cancel();
  }

  /** The last step: the object itself goes. True when it is gone. */
  async #deleteFromApi(): Promise<boolean> {
    const { name, namespace } = this.#pod.metadata;
    try {
      await this.#deps.client
        .resource(Resources.pods)
        .delete(name!, namespace, { gracePeriodSeconds: 0, preconditions: { uid: this.uid } });
      return true;
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return true;
      this.#logger.warn('cannot delete the pod from the API', { err: error });
      return false;
    }
  }
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
