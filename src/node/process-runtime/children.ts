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

/** No script of ours takes this long; what does is stuck and must not hold others up. */
const START_TIMEOUT_MS = 30_000;

/** Waits for the sign that a program has started; kills it when the sign does not come in time. */
export async function startedInTime<T>(program: SpawnedProgram, sign: Promise<T>): Promise<T> {
  const timer = setTimeout(() => program.kill('SIGKILL'), START_TIMEOUT_MS);
  try {
    return await sign;
  } finally {
    clearTimeout(timer);
  }
}
