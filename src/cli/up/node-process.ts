import { backoffDelay, type Logger, sleep } from '#base';
import type { SpawnedProgram } from '#host';

/** An agent that served this long starts its next series of restarts from the shortest delay. */
const STABLE_MS = 60_000;
const BACKOFF = { initialMs: 100, maxMs: 10_000 };

export interface NodeProcessOptions {
  name: string;
  /** Starts the agent in fresh namespaces; its first line on standard output says `ready PID`. */
  launch: () => Promise<SpawnedProgram>;
  /** The agent serves, first and after every restart. */
  onReady: () => void;
  logger: Logger;
}

/**
 * One node's agent process. The first start has to succeed; an agent that served and then died is started
 * again, with a growing delay, as an init system would restart a kubelet. The node's namespaces die with their
 * agent, so its Pods start anew in new ones.
 */
export class NodeProcess {
  readonly #options: NodeProcessOptions;
  readonly #stopping = new AbortController();
  #program: SpawnedProgram | undefined;
  #supervision: Promise<void> = Promise.resolve();
  /** Process id inside the cluster's PID namespace; 0 while the agent does not serve. */
  pid = 0;
  /** Resolves when the agent serves for the first time; rejects when it ends before. */
  ready: Promise<void> = Promise.resolve();

  constructor(options: NodeProcessOptions) {
    this.#options = options;
  }

  /** Resolves when the program has been started. */
  async start(): Promise<void> {
    const program = await this.#options.launch();
    this.#program = program;
    this.ready = this.#served(program);
    this.ready.catch(() => {});
    this.#supervision = this.ready.then(
      () => this.#supervise(program),
      () => {},
    );
  }

  /** Asks the agent to end, and resolves when it has; it is not started again. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#program?.stdin?.end();
    await this.#program?.exited;
    await this.#supervision;
  }

  async #served(program: SpawnedProgram): Promise<void> {
    const line = new Promise<string>((resolve) => {
      program.stdout!.once('data', (data: Buffer) => resolve(data.toString('utf8')));
    });
    const ended = program.exited.then((exit) => {
      throw new Error(`${this.#options.name} ended (${exit.signal ?? exit.code})`);
    });
    this.pid = Number((await Promise.race([line, ended])).split(' ')[1]);
    ended.catch(() => {});
    this.#options.onReady();
  }

  /** Restarts until stopped; `program` serves when this is called. */
  async #supervise(program: SpawnedProgram): Promise<void> {
    const { signal } = this.#stopping;
    const { logger, name } = this.#options;
    let running = program;
    let attempt = 0;
    for (;;) {
      const since = performance.now();
      const exit = await running.exited;
      this.pid = 0;
      // Had only the program that entered the namespaces been killed, the agent behind it would live on.
      running.stdin?.destroy();
      if (signal.aborted) return;
      if (performance.now() - since > STABLE_MS) attempt = 0;
      const delayMs = Math.round(backoffDelay(BACKOFF, attempt++));
      logger.error('a node agent ended; starting it again', { node: name, ...exit, delayMs });
      await sleep(delayMs, signal);
      const next = signal.aborted ? undefined : await this.#restart();
      if (signal.aborted) return void next?.stdin?.end();
      running = next ?? ended;
    }
  }

  /** The new program, serving or ended; undefined when it could not be started. */
  async #restart(): Promise<SpawnedProgram | undefined> {
    const { logger, name, launch } = this.#options;
    try {
      const program = await launch();
      this.#program = program;
      if (this.#stopping.signal.aborted) return program;
      await this.#served(program).catch(() => {});
      return program;
    } catch (error) {
      logger.error('a node agent cannot be started', { node: name, err: error });
      return undefined;
    }
  }
}

/** Stands for a program that could not be started. */
const ended = { exited: Promise.resolve({ code: null, signal: null }) } as SpawnedProgram;
