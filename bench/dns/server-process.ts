import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

const CLOCK_TICKS = 100;

/** A DNS server as a process of its own, and what it uses. */
export class ServerProcess {
  readonly #child: ChildProcess;
  #output = '';

  constructor(command: string, args: string[]) {
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (text: Buffer) => {
        this.#output = (this.#output + String(text)).slice(-4000);
      });
  }

  /** Until `/ready` says so, for a minute at most. */
  async ready(url: string): Promise<void> {
    for (const end = Date.now() + 60_000; Date.now() < end; ) {
      if (this.#child.exitCode !== null) throw new Error(`the server has ended:\n${this.#output}`);
      const answer = await fetch(url).catch(() => undefined);
      if (answer?.status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the server is not ready after a minute:\n${this.#output}`);
  }

  /** User and system time since its start, in microseconds. */
  cpu(): number {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1e6) / CLOCK_TICKS;
  }

  /** Resident memory now and at its highest, in MB. */
  memory(): { now: number; highest: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const mb = (key: string) =>
      Math.round((Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6);
    return { now: mb('VmRSS'), highest: mb('VmHWM') };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
