import type { core } from '#api';
import type { Clock, Logger } from '#base';
import { ConfigError } from '../env/fields.js';
import type { LogStore } from '../logs/log-store.js';
import type { LogWriter } from '../logs/log-writer.js';
import type { ProbeTarget } from '../probes/run-probe.js';
import {
  type ContainerConfig,
  ContainerStartError,
  type ExitInfo,
  ImageError,
  type ImageInfo,
  type PodRuntime,
  type RuntimeContainer,
  type Sandbox,
} from '../runtime.js';
import { AttachHub } from './attach-hub.js';
import { ContainerProbes } from './container-probes.js';
import {
  type ContainerRole,
  type ContainerView,
  containerID,
  type Terminated,
  type UnitState,
} from './container-state.js';
import type { Deadline } from './deadline.js';
import { HookError, runHook } from './hooks.js';
import { ImageStage } from './image-stage.js';
import { goDuration, RetryBackoff } from './restart-backoff.js';
import { stopContainer } from './stop-container.js';
import { messageFromLog, takeTerminationMessage } from './termination-message.js';

/** The pod around a container. */
export interface UnitScope {
  pod(): core.Pod;
  sandbox(): Sandbox | undefined;
  podIP(): string;
  /** Builds the configuration of the next attempt. Rejects with ConfigError. */
  configure(container: core.Container, attempt: number, image: ImageInfo): Promise<ContainerConfig>;
  /** The state that the status shows has changed; `wake` asks for another look at what to do next. */
  changed(wake: boolean): void;
  event(type: 'Normal' | 'Warning', reason: string, message: string): void;
}

export interface UnitDeps {
  runtime: PodRuntime;
  logs: LogStore;
  clock: Clock;
  logger: Logger;
}

/** What a container was before the agent started. */
export interface Restored {
  state: UnitState;
  last: Terminated | undefined;
  restartCount: number;
}

/** Tries of a start that failed before the container existed are repeated after this. */
const CONFIG_RETRY_MS = 1000;

/** One container of a pod through all its attempts: start, probes, hooks, logs, end, back-off. */
export class ContainerUnit {
  spec: core.Container;
  readonly role: ContainerRole;
  readonly #scope: UnitScope;
  readonly #deps: UnitDeps;
  readonly #restartBackoff: RetryBackoff;
  readonly #image: ImageStage;
  #probes: ContainerProbes | undefined;
  #state: UnitState = { kind: 'waiting', reason: 'PodInitializing' };
  #last: Terminated | undefined;
  #restartCount = 0;
  /** Attempts have been made: the next start is a restart. */
  #begun = false;
  #started = false;
  #ready = false;
  #imageID = '';
  #retryAt = 0;
  #container: RuntimeContainer | undefined;
  #log: LogWriter | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #hub: AttachHub | undefined;
  /** Ends when the end of the running container has been recorded. */
  #watching: Promise<void> | undefined;
  #hookAbort = new AbortController();

  constructor(
    spec: core.Container,
    role: ContainerRole,
    scope: UnitScope,
    deps: UnitDeps,
    restored?: Restored,
  ) {
    this.spec = spec;
    this.role = role;
    this.#scope = scope;
    this.#deps = deps;
    this.#restartBackoff = new RetryBackoff(() => deps.clock.now());
    this.#image = new ImageStage(deps.runtime, deps.clock);
    if (restored === undefined) return;
    this.#state = restored.state;
    this.#last = restored.last;
    this.#restartCount = restored.restartCount;
    this.#begun = restored.last !== undefined || restored.state.kind === 'terminated';
  }

  get name(): string {
    return this.spec.name;
  }
  get state(): UnitState {
    return this.#state;
  }
  /** The running container, for exec, attach and port-forward. */
  get container(): RuntimeContainer | undefined {
    return this.#state.kind === 'running' ? this.#container : undefined;
  }
  get hub(): AttachHub | undefined {
    return this.#hub;
  }
  get restartCount(): number {
    return this.#restartCount;
  }

  get view(): ContainerView {
    const succeeded = this.#state.kind === 'terminated' && this.#state.terminated.exitCode === 0;
    return {
      name: this.name,
      role: this.role,
      image: this.spec.image ?? '',
      imageID: this.#imageID,
      state: this.#state,
      last: this.#last,
      restartCount: this.#restartCount,
      started: this.#started,
      ready: this.role === 'init' ? succeeded : this.#ready,
    };
  }

  /** The pod's specification has changed; true when the running container no longer is what it asks for. */
  updateSpec(spec: core.Container): boolean {
    const isStale = spec.image !== this.spec.image && this.#state.kind === 'running';
    if (spec.image !== this.spec.image) this.#image.reset();
    this.spec = spec;
    return isStale;
  }

  /** Milliseconds until the next start is due; 0 is now. */
  dueIn(): number {
    const now = this.#deps.clock.now();
    if (this.#image.hasFailed) return this.#image.remainingMs;
    const back =
      this.#state.kind === 'terminated' || this.#last !== undefined
        ? this.#restartBackoff.remaining(this.#lastFinished())
        : 0;
    return Math.max(back, this.#retryAt - now, 0);
  }

  /** Shows that the restart waits. */
  showBackoff(): void {
    if (this.#image.hasFailed) {
      if (this.#state.kind === 'waiting' && this.#state.reason === 'ErrImagePull') {
        const message = `Back-off pulling image ${JSON.stringify(this.spec.image)}: ErrImagePull: ${this.#state.message}`;
        this.#wait('ImagePullBackOff', message);
        this.#scope.event('Normal', 'BackOff', `Back-off pulling image ${JSON.stringify(this.spec.image)}`);
      }
      return;
    }
    if (this.#state.kind !== 'terminated') return;
    const { metadata } = this.#scope.pod();
    const which = `container=${this.name} pod=${metadata.name}_${metadata.namespace}(${metadata.uid})`;
    this.#last = this.#state.terminated;
    this.#wait(
      'CrashLoopBackOff',
      `back-off ${goDuration(this.#restartBackoff.length)} restarting failed ${which}`,
    );
    this.#scope.event(
      'Warning',
      'BackOff',
      `Back-off restarting failed container ${this.name} in pod ${metadata.name}_${metadata.namespace}(${metadata.uid})`,
    );
  }

  /** Sets why the container does not start yet, while it never has; the pod decides when to write that. */
  showWaiting(reason: string, message?: string): void {
    if (this.#state.kind !== 'waiting' || this.#begun || this.#image.hasFailed) return;
    this.#state = { kind: 'waiting', reason, ...(message === undefined ? {} : { message }) };
  }

  /** One attempt to start. Never rejects: what went wrong is in the state. */
  start(): Promise<void> {
    this.#starting ??= this.#attempt().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  /** Ends the container: hook, SIGTERM, and SIGKILL when the deadline comes. Resolves when it has ended. */
  async stop(deadline: Deadline, reason: string): Promise<void> {
    this.#hookAbort.abort();
    await this.#starting;
    if (this.#state.kind !== 'running' || this.#container === undefined) return;
    this.#stopping ??= this.#stop(this.#container, deadline, reason).finally(() => {
      this.#stopping = undefined;
    });
    await this.#stopping;
  }

  #wait(reason: string, message?: string): void {
    this.#state = { kind: 'waiting', reason, ...(message === undefined ? {} : { message }) };
    this.#scope.changed(false);
  }

  #lastFinished(): number {
    return this.#state.kind === 'terminated'
      ? this.#state.terminated.finishedAt
      : (this.#last?.finishedAt ?? 0);
  }

  async #attempt(): Promise<void> {
    const sandbox = this.#scope.sandbox();
    if (sandbox === undefined || this.#state.kind === 'running') return;
    const image = await this.#ensureImage();
    if (image === undefined) return;
    const attempt = this.#begun ? this.#restartCount + 1 : this.#restartCount;
    let container: RuntimeContainer;
    try {
      const config = await this.#scope.configure(this.spec, attempt, image);
      container = await this.#deps.runtime.startContainer(sandbox, config);
    } catch (error) {
      return this.#failedToStart(error, attempt);
    }
    this.#running(container, attempt);
    const log = this.#openLog(container, attempt);
    this.#watching = this.#watch(container, log);
    await this.#afterStart(container);
  }

  async #ensureImage(): Promise<ImageInfo | undefined> {
    const name = JSON.stringify(this.spec.image);
    const info = await this.#image.ensure(this.spec);
    if (!(info instanceof ImageError)) {
      this.#imageID = info.id;
      this.#scope.event('Normal', 'Pulled', `Container image ${name} already present on machine`);
      return info;
    }
    this.#scope.event('Warning', 'Failed', `Failed to pull image ${name}: ${info.message}`);
    this.#scope.event('Warning', 'Failed', `Error: ${info.reason}`);
    this.#wait(info.reason, info.message);
    this.#scope.changed(true);
    return undefined;
  }

  #failedToStart(error: unknown, attempt: number): void {
    const { message } = error as Error;
    this.#scope.event('Warning', 'Failed', `Error: ${message}`);
    if (error instanceof ContainerStartError && error.reason === 'StartError') {
      const now = this.#deps.clock.now();
      this.#begin(attempt);
      this.#state = {
        kind: 'terminated',
        terminated: {
          exitCode: 128,
          signal: 0,
          reason: 'StartError',
          message,
          startedAt: 0,
          finishedAt: now,
          containerID: '',
        },
      };
      this.#scope.changed(true);
      return;
    }
    const reason =
      error instanceof ContainerStartError
        ? error.reason
        : error instanceof ConfigError
          ? 'CreateContainerConfigError'
          : 'CreateContainerError';
    if (!(error instanceof ContainerStartError) && !(error instanceof ConfigError))
      this.#deps.logger.warn('cannot start a container', { container: this.name, err: error });
    this.#retryAt = this.#deps.clock.now() + CONFIG_RETRY_MS;
    this.#wait(reason, message);
    this.#scope.changed(true);
  }

  /** Counts the attempt; the previous end becomes `lastState`. */
  #begin(attempt: number): void {
    if (this.#state.kind === 'terminated') this.#last = this.#state.terminated;
    // The first restart is at once; only what restarts again has to wait.
    if (this.#begun) this.#restartBackoff.next();
    this.#restartCount = attempt;
    this.#begun = true;
  }

  #running(container: RuntimeContainer, attempt: number): void {
    this.#begin(attempt);
    this.#container = container;
    this.#retryAt = 0;
  }

  #openLog(container: RuntimeContainer, attempt: number): LogWriter {
    const pod = this.#podIdentity();
    const log = this.#deps.logs.writer(pod, this.name, attempt);
    this.#deps.logs.prune(pod, this.name, attempt);
    this.#hub = new AttachHub(container);
    this.#log = log;
    return log;
  }

  #podIdentity() {
    const { namespace, name, uid } = this.#scope.pod().metadata;
    return { namespace: namespace!, name: name!, uid: uid! };
  }

  /** Consumes the output and records the end. */
  async #watch(container: RuntimeContainer, log: LogWriter): Promise<void> {
    const hub = this.#hub!;
    const output = Promise.all([
      log.consume(container.stdout, 'stdout', (chunk) => hub.emitOutput('stdout', chunk)),
      log.consume(container.stderr, 'stderr', (chunk) => hub.emitOutput('stderr', chunk)),
    ]);
    const exit = await container.exited;
    await output;
    await log.close();
    hub.end();
    await this.#ended(container, exit);
  }

  async #ended(container: RuntimeContainer, exit: ExitInfo): Promise<void> {
    this.#probes?.stop();
    const message = await this.#terminationMessage(container, exit);
    const terminated: Terminated = {
      exitCode: exit.exitCode,
      signal: exit.signal,
      reason: exit.exitCode === 0 ? 'Completed' : 'Error',
      ...(message === '' ? {} : { message }),
      startedAt: container.startedAt,
      finishedAt: exit.finishedAt,
      containerID: containerID(container.id),
    };
    this.#state = { kind: 'terminated', terminated };
    this.#container = undefined;
    this.#started = false;
    this.#ready = false;
    this.#scope.changed(true);
  }

  async #terminationMessage(container: RuntimeContainer, exit: ExitInfo): Promise<string> {
    const text = takeTerminationMessage(container.config.terminationMessage?.source);
    const fallback = this.spec.terminationMessagePolicy === 'FallbackToLogsOnError';
    if (text !== '' || !fallback || exit.exitCode === 0 || this.#log === undefined) return text;
    return messageFromLog(this.#deps.logs, this.#log.path);
  }

  async #afterStart(container: RuntimeContainer): Promise<void> {
    this.#scope.event('Normal', 'Created', `Container created`);
    const hook = this.spec.lifecycle?.postStart;
    this.#hookAbort = new AbortController();
    if (hook !== undefined) {
      try {
        await runHook(hook, this.#target(container), this.#deps.clock, this.#hookAbort.signal);
      } catch (error) {
        this.#hookFailed('FailedPostStartHook', 'PostStartHook failed', error);
        container.kill();
      }
    }
    // The end may already have been recorded.
    if (this.#container !== container) return;
    this.#state = { kind: 'running', container };
    this.#started = false;
    this.#ready = false;
    this.#scope.event('Normal', 'Started', `Container started`);
    this.#probes = this.#startProbes(container);
    this.#probes.start();
    this.#scope.changed(true);
  }

  #hookFailed(reason: string, message: string, error: unknown): void {
    if (!(error instanceof HookError)) this.#deps.logger.warn(message, { container: this.name, err: error });
    this.#scope.event('Warning', reason, `${message}: ${(error as Error).message}`);
  }

  #target(container: RuntimeContainer): ProbeTarget {
    return {
      container: this.spec,
      podIP: this.#scope.podIP(),
      exec: (command) => this.#deps.runtime.exec(container, { command, tty: false, stdin: false }),
    };
  }

  #startProbes(container: RuntimeContainer): ContainerProbes {
    const isCurrent = () => this.#container === container;
    return new ContainerProbes({
      spec: this.spec,
      target: this.#target(container),
      clock: this.#deps.clock,
      onStarted: () => {
        if (!isCurrent()) return;
        this.#started = true;
        this.#ready = this.spec.readinessProbe === undefined;
        this.#scope.changed(true);
      },
      onReadiness: (ready) => {
        if (!isCurrent()) return;
        this.#ready = ready;
        this.#scope.changed(false);
      },
      onDead: (kind, probe) => {
        if (!isCurrent()) return;
        const message = `Container ${this.name} failed ${kind} probe, will be restarted`;
        this.#scope.event('Normal', 'Killing', message);
        this.onUnhealthy(probe.terminationGracePeriodSeconds);
      },
      event: (reason, message) => this.#scope.event('Warning', reason, message),
    });
  }

  /** Set by the pod: ends the container within the probe's or the pod's grace period. */
  onUnhealthy: (graceSeconds: number | undefined) => void = () => {};

  async #stop(container: RuntimeContainer, deadline: Deadline, reason: string): Promise<void> {
    if (reason !== '') this.#scope.event('Normal', 'Killing', reason);
    this.#probes?.keepReadiness();
    await stopContainer({
      container,
      spec: this.spec,
      deadline,
      target: this.#target(container),
      clock: this.#deps.clock,
      onHookError: (error) => this.#hookFailed('FailedPreStopHook', 'PreStopHook failed', error),
    });
    await this.#watching;
  }
}
