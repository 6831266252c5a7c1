import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import {
  kubectlPath,
  kubesvc,
  type Output,
  removeDirectory,
  type run,
  temporaryDirectory,
  UpProcess,
} from './harness.js';

type RunOptions = Parameters<typeof run>[2];

/** One cluster for all tests of a file, removed with everything in it also when they fail. */
export function useCluster(args: string[] = []): () => UpProcess {
  let up: UpProcess | undefined;
  const dataDir = temporaryDirectory();
  beforeAll(async () => {
    up = await UpProcess.start(dataDir, args);
  });
  afterAll(async () => {
    await up?.end('SIGTERM');
    await kubesvc(['cleanup', '--stop', '--all-data', '--data-dir', dataDir]);
    removeDirectory(dataDir);
  });
  return () => up!;
}

/** A namespace per test of a cluster that `useCluster` started. */
export function useSpace(cluster: () => UpProcess): () => Promise<Space> {
  const open: Space[] = [];
  let count = 0;
  afterEach(async () => {
    const spaces = open.splice(0);
    for (const space of spaces) space.endStreams();
    await Promise.all(
      spaces.map((s) => cluster().kubectl(['delete', 'namespace', s.namespace, '--wait=false'])),
    );
  });
  return async () => {
    const space = new Space(cluster(), `test-${++count}`);
    await space.up.ok(['create', 'namespace', space.namespace]);
    // Pods are admitted once their service account exists.
    await space.up.ok([
      'wait',
      '--for=create',
      'serviceaccount/default',
      '-n',
      space.namespace,
      '--timeout=60s',
    ]);
    open.push(space);
    return space;
  };
}

/** kubectl in one namespace, and what most tests ask for. */
export class Space {
  readonly up: UpProcess;
  readonly namespace: string;
  readonly #streams: Stream[] = [];

  constructor(up: UpProcess, namespace: string) {
    this.up = up;
    this.namespace = namespace;
  }

  kubectl(args: string[], options?: RunOptions): Promise<Output> {
    return this.up.kubectl(['-n', this.namespace, ...args], options);
  }

  ok(args: string[], options?: RunOptions): Promise<string> {
    return this.up.ok(['-n', this.namespace, ...args], options);
  }

  apply(...objects: object[]): Promise<string> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    return this.ok(['apply', '-f', '-'], { input: JSON.stringify(list) });
  }

  field(what: string, path: string): Promise<string> {
    return this.ok(['get', ...what.split(' '), '-o', `jsonpath=${path}`]);
  }

  ready(what: string): Promise<string> {
    return this.ok(['wait', '--for=condition=Ready', ...what.split(' '), '--timeout=90s']);
  }

  exec(pod: string, ...command: string[]): Promise<string> {
    return this.ok(['exec', pod, '--', ...command]);
  }

  /** A kubectl that goes on until the test ends it. */
  stream(args: string[]): Stream {
    const { summary, dataDir } = this.up;
    const stream = Stream.of([kubectlPath, '-n', this.namespace, ...args], {
      KUBECONFIG: summary.kubeconfig,
      KUBECACHEDIR: join(dataDir, 'kubectl-cache'),
    });
    this.#streams.push(stream);
    return stream;
  }

  endStreams(): void {
    for (const stream of this.#streams) stream.end();
  }
}

/** A running program and what it has printed. */
export class Stream {
  readonly #child: ChildProcess;
  output = '';
  #changed = () => {};

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.on('data', (d) => {
        this.output += d;
        this.#changed();
      });
    }
    this.#child.once('close', () => this.#changed());
    this.#child.stdin!.on('error', () => {});
  }

  /** Starts a program; the environment is this process's and what is given. */
  static of([file, ...args]: string[], env: Record<string, string> = {}): Stream {
    return new Stream(
      spawn(file!, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] }),
    );
  }

  write(text: string): void {
    this.#child.stdin!.write(text);
  }

  /** Resolves with the match as soon as the output has it; rejects when the program ends without. */
  until(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      this.#changed = () => {
        const match = pattern.exec(this.output);
        if (match !== null) resolve(match);
        else if (this.#child.exitCode !== null) reject(new Error(`ended without ${pattern}: ${this.output}`));
      };
      this.#changed();
    });
  }

  get exitCode(): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null)
      return Promise.resolve(this.#child.exitCode);
    return new Promise((resolve) => this.#child.once('exit', (code) => resolve(code)));
  }

  end(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal);
  }
}
