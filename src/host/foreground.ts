import { spawn } from 'node:child_process';
import { ProgramError } from './programs.js';

/**
 * Runs a program on the caller's own terminal and resolves with its exit code (128 + signal number when a
 * signal ended it, as a shell would). For commands that hand over to another program; services use `Programs`.
 */
export function runForeground(
  file: string,
  args: string[],
  options: { env?: Record<string, string> } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'inherit', env: { ...process.env, ...options.env } });
    // The terminal sends Ctrl-C to the child as well; this process waits for its decision.
    const ignore = () => {};
    process.on('SIGINT', ignore);
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ProgramError(error.code ?? 'ESPAWN', `cannot start ${file}: ${error.message}`)),
    );
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore);
      resolve(code ?? 128 + (signal === 'SIGKILL' ? 9 : 15));
    });
  });
}
