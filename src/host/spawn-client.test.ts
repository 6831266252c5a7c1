import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#base';
import { check, createPrograms } from './index.js';

describe('programs through the spawn helper', () => {
  let programs: ReturnType<typeof createPrograms>;
  beforeEach(async () => {
    programs = createPrograms({ logger: silentLogger });
    await programs.start();
  });
  afterEach(() => programs.stop());

  it('runs a program with input and returns its output and exit code', async () => {
    const result = await programs.run('sh', ['-c', 'cat; echo oops >&2; exit 3'], { input: 'hello' });
    expect(result).toEqual({ code: 3, signal: null, stdout: 'hello', stderr: 'oops\n' });
  });

  it('rejects with the errno when the program does not exist', async () => {
    await expect(programs.run('/no/such/program', [])).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(programs.spawn('/no/such/program', [], { dieWithParent: false })).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it('kills a program that runs too long', async () => {
    expect((await programs.run('sleep', ['60'], { timeoutMs: 50 })).signal).toBe('SIGKILL');
  });

  it('rejects when the output is larger than allowed', async () => {
    await expect(programs.run('sh', ['-c', 'yes'], { maxOutputBytes: 1000 })).rejects.toMatchObject({
      code: 'EOUTPUT',
    });
  });

  it('check throws with the standard error of a failed program', async () => {
    await expect(check(programs, 'sh', ['-c', 'echo why >&2; exit 1'])).rejects.toThrow(/exit code 1: why/);
  });

  it('hands over the pipes of a spawned program without losing bytes', async () => {
    const program = await programs.spawn('sh', ['-c', 'echo first; cat; seq 1 100000; echo e >&2'], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    program.stdin!.end('in\n');
    const [out, err, exit] = await Promise.all([
      text(program.stdout!),
      text(program.stderr!),
      program.exited,
    ]);
    expect(out.startsWith('first\nin\n1\n2\n')).toBe(true);
    expect(out.endsWith('100000\n')).toBe(true);
    expect(err).toBe('e\n');
    expect(exit).toEqual({ code: 0, signal: null });
  });

  it('kills the whole session of a spawned program', async () => {
    const program = await programs.spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], {
      stdout: 'pipe',
      session: true,
    });
    const grandchild = await new Promise<number>((resolve) =>
      program.stdout!.once('data', (d) => resolve(Number(d))),
    );
    program.kill('SIGKILL');
    expect((await program.exited).signal).toBe('SIGKILL');
    await expect.poll(() => alive(grandchild), { timeout: 20_000 }).toBe(false);
  });

  it('takes spawned programs down when it stops', async () => {
    const program = await programs.spawn('sleep', ['60']);
    await programs.stop();
    await expect.poll(() => alive(program.pid), { timeout: 20_000 }).toBe(false);
    await expect(programs.run('true', [])).rejects.toMatchObject({ code: 'EHELPER' });
  });
});

/** Running, and not merely waiting to be reaped. */
function alive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
