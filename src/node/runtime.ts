import type { Duplex, Readable, Writable } from 'node:stream';

/** One address of a pod and how it reaches the rest of the world. */
export interface SandboxAddress {
  ip: string;
  prefixLength: number;
  gateway: string;
}

/** How a pod's namespace is wired to the node; absent for host-network pods. */
export interface SandboxNetwork {
  /** Name of the pod's end on the node, at most 15 characters. */
  hostInterface: string;
  bridge: string;
  mtu: number;
  addresses: SandboxAddress[];
}

/** What a pod's containers share: network, hostname, IPC and, when asked for, process namespaces. */
export interface SandboxConfig {
  podUid: string;
  namespace: string;
  name: string;
  hostname: string;
  /** Absent: the pod uses the node's network. */
  network?: SandboxNetwork;
  hostPID: boolean;
  hostIPC: boolean;
  shareProcessNamespace: boolean;
  /** Names of the containers that will be started in it: their pipes are prepared together. */
  containers: string[];
  /** `net.*` and `kernel.*` values set inside the pod's own namespaces. */
  sysctls: Record<string, string>;
}

export interface Sandbox {
  readonly id: string;
  readonly config: SandboxConfig;
  /** Resolves when the sandbox has ended, however it ended. */
  readonly exited: Promise<void>;
}

/** A directory or file of the node made visible in a container. */
export interface Mount {
  /** Absolute path on the node; must exist when the container starts. */
  source: string;
  /** Absolute path in the container; need not exist in the image. */
  target: string;
  readOnly: boolean;
}

export interface ContainerUser {
  uid?: number;
  gid?: number;
  supplementalGroups: number[];
}

export interface ContainerSecurity {
  user: ContainerUser;
  privileged: boolean;
  noNewPrivileges: boolean;
  readOnlyRoot: boolean;
  addCapabilities: string[];
  dropCapabilities: string[];
}

export interface ContainerConfig {
  podUid: string;
  name: string;
  /** Counts from 0; a restart is a new attempt. */
  attempt: number;
  image: string;
  /** The program and its arguments; never empty. */
  command: string[];
  env: Record<string, string>;
  workingDir: string;
  mounts: Mount[];
  security: ContainerSecurity;
  tty: boolean;
  /** Gives the program a standard input that `attach` writes to; otherwise it reads end of file. */
  stdin: boolean;
  /** File on the node that the container sees as `terminationMessagePath`. */
  terminationMessage?: { source: string; target: string };
}

export interface ExitInfo {
  exitCode: number;
  /** Signal number when a signal ended the program, else 0. */
  signal: number;
  finishedAt: number;
}

/** A started container. Its output streams start paused; they must be consumed, or the program blocks. */
export interface RuntimeContainer {
  readonly id: string;
  readonly config: ContainerConfig;
  /** Process id of the container's first process, as the node sees it. */
  readonly pid: number;
  readonly startedAt: number;
  readonly stdin?: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<ExitInfo>;
  /** Signals the first process. */
  signal(signal: NodeJS.Signals): void;
  /** Ends every process of the container at once. */
  kill(): void;
  /** Sets the size of the terminal; without a terminal it does nothing. */
  resize(columns: number, rows: number): Promise<void>;
}

export interface ExecRequest {
  command: string[];
  tty: boolean;
  stdin: boolean;
}

/** A program running inside a container beside its own processes. */
export interface ExecSession {
  readonly stdin?: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Never rejects. */
  readonly exited: Promise<{ exitCode: number; signal: number }>;
  resize(columns: number, rows: number): Promise<void>;
  /** Ends the program and what it started in its session. */
  kill(): void;
}

/** Why an image cannot be used; `reason` is what the container's waiting state shows. */
export class ImageError extends Error {
  readonly reason: 'ErrImagePull' | 'ErrImageNeverPull' | 'InvalidImageName';
  constructor(reason: ImageError['reason'], message: string) {
    super(message);
    this.name = 'ImageError';
    this.reason = reason;
  }
}

/** A container could not be started. `exitCode` 128 is what upstream reports for it. */
export class ContainerStartError extends Error {
  readonly reason: 'StartError' | 'CreateContainerError' | 'CreateContainerConfigError';
  constructor(reason: ContainerStartError['reason'], message: string) {
    super(message);
    this.name = 'ContainerStartError';
    this.reason = reason;
  }
}

/** What the runtime knows of an image. */
export interface ImageInfo {
  /** Reported as `imageID`. */
  id: string;
  /** Default program when the container names none. */
  command: string[];
  env: Record<string, string>;
  workingDir: string;
  /** Numeric user that the image runs as. */
  uid: number;
}

/**
 * Starts and ends pods: the role of CRI. Implementations own every process they start, and end them all on
 * `stop`; nothing survives the agent.
 */
export interface PodRuntime {
  readonly name: string;
  readonly version: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** A directory that lives in memory, for secrets and other volatile files; mode 0700. */
  readonly volatileDir: string;
  /** Makes the image usable; rejects with ImageError. */
  ensureImage(image: string, pullPolicy: string): Promise<ImageInfo>;
  /** The names and sizes of images that are present, for Node status. */
  images(): { names: string[]; sizeBytes: number }[];
  createSandbox(config: SandboxConfig): Promise<Sandbox>;
  /** Ends every process of the pod; idempotent. */
  removeSandbox(sandbox: Sandbox): Promise<void>;
  /** Rejects with ContainerStartError. */
  startContainer(sandbox: Sandbox, config: ContainerConfig): Promise<RuntimeContainer>;
  exec(container: RuntimeContainer, request: ExecRequest): Promise<ExecSession>;
  /** Connects to the port on the pod's loopback address; rejects when nothing listens there. */
  dial(sandbox: Sandbox, port: number): Promise<Duplex>;
}
