import { randomBytes } from 'node:crypto';
import { mkdirSync, readlinkSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { availableParallelism } from 'node:os';
import { posix } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Logger } from '#base';
import { check, type Programs } from '#host';
import {
  type ContainerConfig,
  ContainerStartError,
  type ExecRequest,
  type ExecSession,
  ImageError,
  type ImageInfo,
  type PodRuntime,
  type RuntimeContainer,
  type Sandbox,
  type SandboxConfig,
} from '../runtime.js';
import { startedInTime } from './children.js';
import { collectText, readHandshake } from './handshake.js';
import { Limiter } from './limiter.js';
import { ensurePipes } from './pipes.js';
import { startExec } from './process-exec.js';
import { PodRelay } from './relay.js';
import { sandboxCommand } from './sandbox-script.js';
import { pipePaths, type StartContext, startContainer } from './start-container.js';
import { findTools, type Tools } from './tools.js';

export interface ProcessRuntimeOptions {
  programs: Programs;
  logger: Logger;
  /** Directory that the runtime owns; a tmpfs is mounted on `volatile` below it, in the agent's mount namespace. */
  directory: string;
  /** Directories that containers must not see; the runtime's own is always hidden. They must exist. */
  hidden?: string[];
}

/** `image: host` is the node's own file system. */
const HOST_IMAGE: ImageInfo = {
  id: 'host',
  command: [],
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  workingDir: '/',
  uid: 0,
};

class ProcessSandbox implements Sandbox {
  readonly id: string;
  readonly config: SandboxConfig;
  readonly pid: number;
  readonly exited: Promise<void>;
  readonly directory: string;
  readonly kill: () => void;
  /** Containers that have not ended. */
  readonly containers = new Set<RuntimeContainer>();
  relay: PodRelay | undefined;
  constructor(parts: {
    id: string;
    config: SandboxConfig;
    pid: number;
    directory: string;
    exited: Promise<void>;
    kill: () => void;
  }) {
    this.id = parts.id;
    this.config = parts.config;
    this.pid = parts.pid;
    this.directory = parts.directory;
    this.exited = parts.exited;
    this.kill = parts.kill;
  }
}

/**
 * Pods as plain processes in namespaces of their own, made with unshare(1) and nsenter(1). Nothing is created
 * on the node's file system for a container, and the kernel ends everything when the spawn helper dies.
 */
export class ProcessRuntime implements PodRuntime {
  readonly name = 'kubesvc';
  readonly version = '0.1.0';
  readonly volatileDir: string;
  readonly #options: ProcessRuntimeOptions;
  readonly #tools: Tools;
  readonly #sandboxes = new Set<ProcessSandbox>();
  /** A hundred pods at once would only make every start slow. */
  readonly #starts = new Limiter(Math.max(4, 2 * availableParallelism()));
  #sysfs = false;
  #mounted = false;

  /** Throws an Error that names a missing program and its package. */
  constructor(options: ProcessRuntimeOptions) {
    this.#options = options;
    this.#tools = findTools();
    this.volatileDir = posix.join(options.directory, 'volatile');
  }

  async start(): Promise<void> {
    if (readlinkSync('/proc/self') !== String(process.pid))
      throw new Error('/proc does not show this process: mount a proc of its own PID namespace first');
    mkdirSync(this.volatileDir, { recursive: true, mode: 0o700 });
    const [, sysfs] = await Promise.all([this.#mountVolatile(), this.#trySysfs()]);
    this.#sysfs = sysfs;
  }

  async #mountVolatile(): Promise<void> {
    try {
      await check(this.#options.programs, this.#tools.mount, [
        '-t',
        'tmpfs',
        '-o',
        'mode=0700,nosuid,nodev',
        'kubesvc-volatile',
        this.volatileDir,
      ]);
      this.#mounted = true;
    } catch (error) {
      this.#options.logger.warn('secrets are kept on disk: cannot mount a tmpfs', { err: error });
    }
  }

  /** A user namespace below a container may forbid a fresh sysfs; pods then see the node's. */
  async #trySysfs(): Promise<boolean> {
    const { programs } = this.#options;
    const { unshare, mount } = this.#tools;
    const result = await programs.run(unshare, ['-m', '-n', mount, '-t', 'sysfs', 'kubesvc-sys', '/sys']);
    return result.code === 0;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#sandboxes].map((sandbox) => this.removeSandbox(sandbox)));
    if (this.#mounted) await this.#options.programs.run(this.#tools.umount, ['-l', this.volatileDir]);
    this.#mounted = false;
    rmSync(this.volatileDir, { recursive: true, force: true });
  }

  ensureImage(image: string): Promise<ImageInfo> {
    if (image === 'host') return Promise.resolve(HOST_IMAGE);
    return Promise.reject(
      new ImageError(
        'ErrImagePull',
        `image ${JSON.stringify(image)} cannot be pulled: this node runs pods as plain processes and has no image registry; set "image: host" to run the command on the node's own file system`,
      ),
    );
  }

  images(): { names: string[]; sizeBytes: number }[] {
    return [{ names: ['host'], sizeBytes: 0 }];
  }

  createSandbox(config: SandboxConfig): Promise<Sandbox> {
    return this.#starts.run(() => this.#createSandbox(config));
  }

  async #createSandbox(config: SandboxConfig): Promise<Sandbox> {
    const directory = posix.join(this.volatileDir, 'pods', config.podUid);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const pipes = config.containers.flatMap((name) => pipePaths(directory, name));
    const [sandbox] = await Promise.all([
      this.#startSandbox(config, directory),
      ensurePipes(this.#options.programs, pipes),
    ]);
    return sandbox;
  }

  async #startSandbox(config: SandboxConfig, directory: string): Promise<ProcessSandbox> {
    const { file, args } = sandboxCommand(config, this.#tools, `/proc/${process.pid}/ns/net`);
    const program = await this.#options.programs.spawn(file, args, {
      env: { PATH: HOST_IMAGE.env['PATH']! },
      cwd: '/',
      stdout: 'pipe',
      stderr: 'pipe',
      session: true,
    });
    const complaints = collectText(program.stderr!);
    const pid = await startedInTime(program, readHandshake(program.stdout!));
    if (pid === undefined) {
      program.kill('SIGKILL');
      throw new Error(`cannot create the pod's namespaces: ${complaints.text() || 'the script ended early'}`);
    }
    program.stdout!.resume();
    const sandbox = new ProcessSandbox({
      id: randomBytes(32).toString('hex'),
      config,
      pid,
      directory,
      exited: program.exited.then(() => undefined),
      kill: () => program.kill('SIGKILL'),
    });
    this.#sandboxes.add(sandbox);
    return sandbox;
  }

  async removeSandbox(sandbox: Sandbox): Promise<void> {
    const own = this.#own(sandbox);
    own.relay?.stop();
    for (const container of own.containers) container.kill();
    own.kill();
    await Promise.all([own.exited, ...[...own.containers].map((container) => container.exited)]);
    this.#sandboxes.delete(own);
    rmSync(own.directory, { recursive: true, force: true });
  }

  async startContainer(sandbox: Sandbox, config: ContainerConfig): Promise<RuntimeContainer> {
    const own = this.#own(sandbox);
    if (config.image !== 'host')
      throw new ContainerStartError('CreateContainerError', `no image ${config.image}`);
    const start = () => startContainer(config, this.#startContext(own));
    const container = await this.#starts.run(start);
    own.containers.add(container);
    void container.exited.then(() => own.containers.delete(container));
    return container;
  }

  #startContext(own: ProcessSandbox): StartContext {
    return {
      programs: this.#options.programs,
      tools: this.#tools,
      sandbox: own,
      podDirectory: own.directory,
      hidden: [...new Set([this.volatileDir, ...(this.#options.hidden ?? [])])],
      sysfs: this.#sysfs,
      id: randomBytes(32).toString('hex'),
    };
  }

  exec(container: RuntimeContainer, request: ExecRequest): Promise<ExecSession> {
    return startExec(container, request, { programs: this.#options.programs, tools: this.#tools });
  }

  dial(sandbox: Sandbox, port: number): Promise<Duplex> {
    const own = this.#own(sandbox);
    if (own.config.network === undefined) return dialLocal(port);
    own.relay ??= new PodRelay({
      programs: this.#options.programs,
      tools: this.#tools,
      podDirectory: own.directory,
      sandboxPid: own.pid,
    });
    return own.relay.dial(port);
  }

  #own(sandbox: Sandbox): ProcessSandbox {
    if (!(sandbox instanceof ProcessSandbox)) throw new Error('the sandbox belongs to another runtime');
    return sandbox;
  }
}

/** Host-network pods share the agent's loopback. */
async function dialLocal(port: number): Promise<Duplex> {
  let failure: unknown;
  for (const host of ['127.0.0.1', '::1']) {
    const socket = connect({ port, host, allowHalfOpen: true });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', reject);
      });
      socket.removeAllListeners('error');
      return socket;
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}
