import { constants } from 'node:os';
import type { SpawnedProgram } from '#host';

/** Sends a signal to a process id; one that has ended is not an error. */
export function signalPid(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Exit code as a shell and CRI report it: 128 + signal number when a signal ended the program. */
export function exitOf(exit: { code: number | null; signal: NodeJS.Signals | null }): {
  exitCode: number;
  signal: number;
} {
  if (exit.signal === null) return { exitCode: exit.code ?? 255, signal: 0 };
  const signal = constants.signals[exit.signal] ?? 0;
  return { exitCode: 128 + signal, signal };
}

/** Resolves when the program has ended, or rejects when it has not after `ms`. */
export async function endedWithin(program: SpawnedProgram, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`process ${program.pid} did not end within ${ms} ms`)), ms);
  });
  try {
    await Promise.race([program.exited, late]);
  } finally {
    clearTimeout(timer);
  }
}
