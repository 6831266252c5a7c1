import { describe, expect, it } from 'vitest';
import { kubesvc } from './harness.js';

const commands = [
  [],
  ['up'],
  ['demo'],
  ['cleanup'],
  ['shell'],
  ['kubectl'],
  ['apiserver'],
  ['controller-manager'],
  ['proxy'],
  ['proxy', 'trace'],
  ['dns'],
  ['dns', 'explain'],
  ['node'],
];

describe('--help', () => {
  it.each(commands.map((c) => [c]))('of %j explains the command and has examples', async (command) => {
    const result = await kubesvc([...command, '--help']);
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/^Usage: kubesvc/);
    expect(result.stdout).toMatch(/Examples:\n {2}\$ kubesvc /);
  });

  it('knows every command that the program lists', async () => {
    const { stdout } = await kubesvc(['--help']);
    const listed = [...stdout.matchAll(/^ {2}([a-z-]+) \[/gm)].map((m) => m[1]!);
    expect(listed.filter((name) => name !== 'help').sort()).toEqual(
      commands
        .filter((c) => c.length === 1)
        .map((c) => c[0]!)
        .sort(),
    );
  });

  it('answers an unknown command or flag with a usage error', async () => {
    for (const args of [['nonsense'], ['up', '--nonsense']]) expect((await kubesvc(args)).code).toBe(2);
  });
});
