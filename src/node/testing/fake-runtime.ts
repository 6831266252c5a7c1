import { type Duplex, PassThrough, Transform } from 'node:stream';
import {
  type ContainerConfig,
  type ContainerStartError,
  type ExecRequest,
  type ExecSession,
  type ExitInfo,
  ImageError,
  type ImageInfo,
  type PodRuntime,
  type RuntimeContainer,
  type Sandbox,
  type SandboxConfig,
} from '../runtime.js';

export class FakeContainer implements RuntimeContainer {
  readonly id: string;
  readonly config: ContainerConfig;
  readonly pid = 1;
  readonly startedAt: number;
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly signals: string[] = [];
  readonly exited: Promise<ExitInfo>;
  readonly #now: () => number;
  #resolve: (exit: ExitInfo) => void = () => {};

  constructor(id: string, config: ContainerConfig, now: () => number) {
    this.id = id;
    this.config = config;
    this.#now = now;
    this.startedAt = now();
    this.exited = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Ends it as if its program had exited. */
  exit(exitCode: number, output = ''): void {
    this.stdout.end(output);
    this.stderr.end();
    this.#resolve({ exitCode, signal: 0, finishedAt: this.#now() });
  }
  signal(signal: NodeJS.Signals): void {
    this.signals.push(signal);
  }
  kill(): void {
    this.signals.push('SIGKILL');
    this.exit(137);
  }
  async resize(): Promise<void> {}
}

/** Runs nothing: containers end when the test says so. */
export class FakeRuntime implements PodRuntime {
  readonly name = 'fake';
  readonly version = '1';
  readonly volatileDir: string;
  readonly containers: FakeContainer[] = [];
  readonly sandboxes = new Set<Sandbox>();
  readonly execs: ExecRequest[] = [];
  /** Exit code of every exec. */
  execExit = 0;
  /** Set to make starts fail. */
  startError: ContainerStartError | undefined;
  #ids = 0;
  readonly #now: () => number;
  readonly #onStart = new Set<() => void>();

  constructor(volatileDir: string, now: () => number) {
    this.volatileDir = volatileDir;
    this.#now = now;
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async ensureImage(image: string): Promise<ImageInfo> {
    if (image !== 'host') throw new ImageError('ErrImagePull', `cannot pull ${image}`);
    return { id: image, command: [], env: {}, workingDir: '/', uid: 0 };
  }
  images() {
    return [];
  }
  async createSandbox(config: SandboxConfig): Promise<Sandbox> {
    const sandbox = { id: String(this.#ids++), config, exited: new Promise<void>(() => {}) };
    this.sandboxes.add(sandbox);
    return sandbox;
  }
  async removeSandbox(sandbox: Sandbox): Promise<void> {
    this.sandboxes.delete(sandbox);
  }
  async startContainer(_sandbox: Sandbox, config: ContainerConfig): Promise<RuntimeContainer> {
    if (this.startError !== undefined) throw this.startError;
    const container = new FakeContainer(String(this.#ids++), config, this.#now);
    this.containers.push(container);
    for (const resume of this.#onStart) resume();
    this.#onStart.clear();
    return container;
  }
  async exec(_container: RuntimeContainer, request: ExecRequest): Promise<ExecSession> {
    this.execs.push(request);
    if (request.stdin) return this.#echo();
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    stdout.end('');
    stderr.end('');
    const exited = Promise.resolve({ exitCode: this.execExit, signal: 0 });
    return { stdout, stderr, exited, resize: async () => {}, kill() {} };
  }
  /** Sizes that exec sessions were given. */
  readonly sizes: [columns: number, rows: number][] = [];
  killed = 0;

  /** A program that copies its input to its output, and ends with it. */
  #echo(): ExecSession {
    const [stdin, stderr] = [new PassThrough(), new PassThrough()];
    const stdout = new PassThrough();
    stdin.pipe(stdout);
    let end: () => void = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    stdout.once('end', end);
    stderr.end('');
    return {
      stdin,
      stdout,
      stderr,
      exited: ended.then(() => ({ exitCode: this.execExit, signal: 0 })),
      resize: async (columns, rows) => void this.sizes.push([columns, rows]),
      kill: () => {
        this.killed++;
        stdout.destroy();
        end();
      },
    };
  }

  /** Connects to a port on which everything is sent back in upper case; 1 refuses. */
  async dial(_sandbox: Sandbox, port: number): Promise<Duplex> {
    if (port === 1) throw new Error('connect ECONNREFUSED 127.0.0.1:1');
    return new Transform({
      allowHalfOpen: true,
      transform: (chunk, _encoding, done) => done(null, String(chunk).toUpperCase()),
    });
  }

  /** The n-th container that was started, once it has been. */
  async started(n: number): Promise<FakeContainer> {
    while (this.containers[n] === undefined) await new Promise<void>((resolve) => this.#onStart.add(resolve));
    return this.containers[n]!;
  }
}
