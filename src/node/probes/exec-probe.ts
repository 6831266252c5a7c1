import type { ExecSession } from '../runtime.js';
import { failure, type ProbeResult, success } from './probe-result.js';

const MAX_OUTPUT = 10 * 1024;

/** Output of a program (both streams mixed, bounded) and its exit code; killed when the signal aborts. */
export async function runToEnd(
  session: ExecSession,
  signal: AbortSignal,
): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  const collect = (chunk: Buffer) => {
    if (size < MAX_OUTPUT) chunks.push(chunk);
    size += chunk.length;
  };
  session.stdout.on('data', collect).resume();
  session.stderr.on('data', collect).resume();
  const aborted = new Promise<'aborted'>((resolve) => {
    if (signal.aborted) resolve('aborted');
    else signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
  const first = await Promise.race([session.exited, aborted]);
  const output = () => Buffer.concat(chunks).subarray(0, MAX_OUTPUT).toString();
  if (first === 'aborted') {
    session.kill();
    return { exitCode: 255, output: output(), timedOut: true };
  }
  return { exitCode: first.exitCode, output: output(), timedOut: false };
}

/** Succeeds with exit code 0 (pkg/probe/exec). */
export async function execProbe(
  start: () => Promise<ExecSession>,
  command: string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  let session: ExecSession;
  try {
    session = await start();
  } catch (error) {
    return { outcome: 'unknown', message: (error as Error).message };
  }
  const { exitCode, output, timedOut } = await runToEnd(session, signal);
  if (timedOut)
    return failure(
      `command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeoutMs / 1000}s`,
    );
  return exitCode === 0 ? success(output) : failure(output);
}
