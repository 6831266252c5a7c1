import { mkdirSync } from 'node:fs';
import { posix } from 'node:path';
import type { core } from '#api';
import { ConfigError } from '../env/fields.js';
import type { Sandbox, SandboxConfig } from '../runtime.js';
import type { PayloadContext } from '../volumes/payload.js';
import { isProjection } from '../volumes/payload.js';
import { PodVolumes } from '../volumes/pod-volumes.js';
import { writePodFiles } from './pod-files.js';
import type { PodWorker, PodWorkerDeps } from './pod-worker.js';

const RETRY_INITIAL_MS = 100;
const RETRY_MAX_MS = 30_000;
/** ConfigMaps, Secrets and tokens are looked at again this often, as the kubelet's sync does. */
const REFRESH_MS = 60_000;

/** What a pod's containers stand on: namespaces, network, volumes, files. */
export class PodEnvironment {
  readonly volumes: PodVolumes;
  etcFiles: { path: string; source: string }[] = [];
  podIPs: string[] = [];
  readonly messageDirectory: string;
  readonly #worker: PodWorker;
  readonly #deps: PodWorkerDeps;
  #sandbox: Sandbox | undefined;
  #volumesReady = false;
  #failures = 0;
  #cancelRefresh: () => void = () => {};

  constructor(worker: PodWorker, deps: PodWorkerDeps) {
    this.#worker = worker;
    this.#deps = deps;
    const paths = deps.volumePaths(worker.uid);
    this.volumes = new PodVolumes(paths);
    this.messageDirectory = posix.join(paths.memory, 'messages');
  }

  get sandbox(): Sandbox | undefined {
    return this.#sandbox;
  }
  get isReady(): boolean {
    return this.#sandbox !== undefined && this.#volumesReady;
  }

  /** Makes everything ready; returns the milliseconds until another try when something is missing. */
  async prepare(): Promise<number | undefined> {
    try {
      if (this.#sandbox === undefined) this.#attachNetwork();
      const steps = await Promise.allSettled([this.#setUpVolumes(), this.#ensureSandbox()]);
      for (const step of steps) if (step.status === 'rejected') throw step.reason;
      this.#failures = 0;
      this.#scheduleRefresh();
      return undefined;
    } catch (error) {
      this.#report(error);
      return Math.min(RETRY_MAX_MS, RETRY_INITIAL_MS * 2 ** this.#failures++);
    }
  }

  /** Fields of the pod that files show may have changed. */
  podChanged(old: core.Pod): void {
    const { labels, annotations } = this.#worker.pod.metadata;
    const isSame =
      JSON.stringify([labels, annotations]) ===
      JSON.stringify([old.metadata.labels, old.metadata.annotations]);
    if (!isSame && this.#volumesReady) void this.#refresh();
  }

  /** Ends the namespaces and gives the addresses back; volumes stay. */
  async tearDown(): Promise<void> {
    this.#cancelRefresh();
    const sandbox = this.#sandbox;
    this.#sandbox = undefined;
    if (sandbox === undefined) return;
    await this.#deps.hostPorts.remove(this.#worker.uid);
    await this.#deps.runtime.removeSandbox(sandbox);
    this.#deps.network.detach(this.#worker.uid);
  }

  /** Removes the pod's files. */
  remove(): void {
    this.volumes.remove();
    const { namespace, name } = this.#worker.pod.metadata;
    this.#deps.logs.removePod({ namespace: namespace!, name: name!, uid: this.#worker.uid });
  }

  #network: SandboxConfig['network'];

  #attachNetwork(): void {
    const { pod } = this.#worker;
    if (pod.spec?.hostNetwork === true) {
      this.podIPs = this.#deps.hostIPs;
      this.#network = undefined;
      return;
    }
    this.#network = this.#deps.network.attach(this.#worker.uid);
    this.podIPs = this.#network.addresses.map(({ ip }) => ip);
  }

  #payloadContext(): PayloadContext {
    return { facts: this.#worker.facts(), source: this.#deps.source, tokens: this.#deps.tokens };
  }

  async #setUpVolumes(): Promise<void> {
    if (this.#volumesReady) return;
    await this.volumes.setUp(this.#payloadContext());
    mkdirSync(this.messageDirectory, { recursive: true, mode: 0o755 });
    this.#volumesReady = true;
  }

  async #ensureSandbox(): Promise<void> {
    if (this.#sandbox !== undefined) return;
    const { pod, hostname, uid } = this.#worker;
    const spec = pod.spec!;
    const sandbox = await this.#deps.runtime.createSandbox({
      podUid: uid,
      namespace: pod.metadata.namespace!,
      name: pod.metadata.name!,
      hostname,
      ...(this.#network === undefined ? {} : { network: this.#network }),
      hostPID: spec.hostPID ?? false,
      hostIPC: spec.hostIPC ?? false,
      shareProcessNamespace: spec.shareProcessNamespace ?? false,
      containers: [...(spec.initContainers ?? []), ...spec.containers].map(({ name }) => name),
      sysctls: Object.fromEntries(
        (spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value]),
      ),
    });
    this.#sandbox = sandbox;
    this.etcFiles = writePodFiles(pod, this.podIPs, hostname, this.#deps.dns, this.volumes);
    await this.#deps.hostPorts.add(uid, pod, this.podIPs);
    void sandbox.exited.then(() => {
      if (this.#sandbox !== sandbox) return;
      this.#sandbox = undefined;
      void this.#deps.runtime.removeSandbox(sandbox);
      this.#event('Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
      this.#worker.sandboxLost();
    });
  }

  #scheduleRefresh(): void {
    this.#cancelRefresh();
    if (!(this.#worker.pod.spec?.volumes ?? []).some(isProjection)) return;
    const jitter = Math.random() * REFRESH_MS * 0.5;
    this.#cancelRefresh = this.#deps.clock.after(REFRESH_MS + jitter, () => {
      void this.#refresh().then(() => this.#scheduleRefresh());
    });
  }

  async #refresh(): Promise<void> {
    if (this.#sandbox === undefined) return;
    try {
      await this.volumes.refresh(this.#payloadContext());
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    const { message } = error as Error;
    if (this.#sandbox === undefined && !(error instanceof ConfigError))
      this.#event('Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${message}`);
    else this.#event('Warning', 'FailedMount', `MountVolume.SetUp failed : ${message}`);
    this.#deps.logger.debug('a pod is not ready to start', { pod: this.#worker.uid, err: error });
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#deps.events.event({ ...this.#worker.pod, apiVersion: 'v1', kind: 'Pod' }, type, reason, message);
  }
}
