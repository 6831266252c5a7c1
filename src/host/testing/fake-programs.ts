import type { Programs, RunOptions, RunResult, SpawnedProgram, SpawnOptions } from '../programs.js';

export interface FakeCall {
  file: string;
  args: string[];
  input: string;
}

/** Records what would have been started and answers as told; unknown programs succeed with empty output. */
export class FakePrograms implements Programs {
  readonly calls: FakeCall[] = [];
  readonly spawned: (FakeCall & {
    end(exit?: { code: number | null; signal: NodeJS.Signals | null }): void;
    killed: NodeJS.Signals[];
  })[] = [];
  /** Answers `run`; returning undefined means success without output. */
  onRun: ((call: FakeCall) => Partial<RunResult> | Promise<Partial<RunResult>> | undefined) | undefined;
  /** Streams for `spawn`. */
  onSpawn: ((call: FakeCall) => Partial<Pick<SpawnedProgram, 'stdin' | 'stdout' | 'stderr'>>) | undefined;
  #pid = 1000;

  async run(file: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
    const call = { file, args, input: String(options.input ?? '') };
    this.calls.push(call);
    return { code: 0, signal: null, stdout: '', stderr: '', ...(await this.onRun?.(call)) };
  }

  async spawn(file: string, args: string[], _options: SpawnOptions = {}): Promise<SpawnedProgram> {
    const call = { file, args, input: '' };
    const killed: NodeJS.Signals[] = [];
    let end: (exit: { code: number | null; signal: NodeJS.Signals | null }) => void = () => {};
    const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
      end = resolve;
    });
    this.spawned.push({ ...call, killed, end: (exit = { code: 0, signal: null }) => end(exit) });
    const kill = (signal: NodeJS.Signals) => {
      killed.push(signal);
      if (signal === 'SIGKILL') end({ code: null, signal });
    };
    return { pid: this.#pid++, exited, kill, ...this.onSpawn?.(call) };
  }
}
