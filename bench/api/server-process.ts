import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Connection, HttpConnection } from './http1.js';

/** Linux counts CPU time in these. */
const TICKS_PER_SECOND = 100;

/** CPU seconds and resident bytes of a process, from outside, so that looking costs it nothing. */
export function usageOf(pid: number): { cpu: number; rss: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
  const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return { cpu: (Number(stat[11]) + Number(stat[12])) / TICKS_PER_SECOND, rss: Number(resident?.[1]) * 1024 };
}

/** The built `kubesvc apiserver` with a durable store, as a process of its own. */
export class ServerProcess {
  readonly kubeconfig: string;
  /** From the start of the process to the first 200 of /readyz. */
  readonly readyMs: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, kubeconfig: string, readyMs: number) {
    this.#child = child;
    this.kubeconfig = kubeconfig;
    this.readyMs = readyMs;
  }

  static async start(
    root: string,
    dataDir: string,
    memory: boolean,
    connect: (kubeconfig: string) => Connection,
  ): Promise<ServerProcess> {
    const bin = `${root}/bin/kubesvc`;
    if (!existsSync(`${root}/dist/cli/main.js`)) throw new Error('run `npm run build` first');
    const store = memory ? ['--cert-dir', dataDir] : ['--data-dir', dataDir];
    const begun = performance.now();
    const child = spawn(process.execPath, [bin, 'apiserver', ...store, '--secure-port', '0', '-v', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: child.stdout })) {
      const found = /^kubeconfig: (.*)$/.exec(line)?.[1];
      if (found === undefined) continue;
      child.stdout.resume();
      const connection = await HttpConnection.open(connect(found));
      await connection.call('GET', '/readyz');
      connection.close();
      return new ServerProcess(child, found, performance.now() - begun);
    }
    throw new Error('kubesvc apiserver ended before it served');
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }
}
