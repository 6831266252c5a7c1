import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '#base';
import { FakePrograms } from '#host/testing';
import { createNft } from './nft.js';
import { createNftSession, type NftSession } from './nft-session.js';

/** What the simulated nft prints for a line; undefined: nothing ever comes. */
type Answers = (line: string) => string | undefined;

const done = 'datatype string (string), 0 bits\n';
const obedient: Answers = (line) => (line.startsWith('describe') ? done : '');

describe('a session with nft', () => {
  let programs: FakePrograms;
  let clock: FakeClock;
  let session: NftSession;
  let answers: Answers;
  /** Lines the simulated nft was told, without the markers. */
  let told: string[];

  beforeEach(() => {
    programs = new FakePrograms();
    clock = new FakeClock();
    answers = obedient;
    told = [];
    programs.onSpawn = () => {
      const [stdin, stdout] = [new PassThrough(), new PassThrough()];
      stdin.on('data', (chunk) => {
        for (const line of String(chunk).split('\n').slice(0, -1)) {
          if (line !== '' && !line.startsWith('describe')) told.push(line);
          const answer = answers(line);
          if (answer === undefined) return;
          stdout.write(answer);
        }
      });
      return { stdin, stdout };
    };
    session = createNftSession(programs, createNft(programs), clock);
  });

  it('runs every script as one line of one process', async () => {
    await session.load(['add table ip a', 'add chain ip a b { type nat hook input priority 0; }']);
    await session.load(['delete table ip a']);
    expect(told).toEqual([
      'add table ip a; add chain ip a b { type nat hook input priority 0; }',
      'delete table ip a',
    ]);
    expect(programs.spawned).toHaveLength(1);
    expect(programs.calls).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('takes the marker for an end also when the prompt and its own words are echoed', async () => {
    answers = (line) => `nft> ${line}\n${obedient(line)}`;
    await session.load(['add table ip a']);
  });

  it('does nothing for no lines', async () => {
    await session.load([]);
    expect(programs.spawned).toEqual([]);
  });

  it('rejects with what nft says, and goes on in a new process', async () => {
    answers = (line) => (line.includes('missing') ? 'Error: No such file or directory\n' : obedient(line));
    await expect(session.load(['delete table ip missing'])).rejects.toThrow('No such file or directory');
    await session.load(['add table ip a']);
    expect(programs.spawned.map(({ killed }) => killed)).toEqual([['SIGKILL'], []]);
  });

  it('rejects when nft ends meanwhile, and goes on in a new process', async () => {
    await session.load(['add table ip a']);
    answers = () => {
      programs.spawned[0]!.end({ code: null, signal: 'SIGKILL' });
      return undefined;
    };
    await expect(session.load(['add table ip b'])).rejects.toThrow('nft -i ended');
    answers = obedient;
    await session.load(['add table ip c']);
    expect(programs.spawned).toHaveLength(2);
  });

  it('notices that nft ended while nothing was asked', async () => {
    await session.load(['add table ip a']);
    programs.spawned[0]!.end();
    await Promise.resolve();
    await session.load(['add table ip b']);
    expect(told).toEqual(['add table ip a', 'add table ip b']);
    expect(programs.spawned).toHaveLength(2);
  });

  it('gives up on an nft that does not answer', async () => {
    await session.load(['add table ip a']);
    answers = () => undefined;
    const load = session.load(['add table ip b']);
    const rejected = expect(load).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await new Promise(setImmediate);
    clock.advance(30_000);
    await rejected;
    expect(programs.spawned[0]!.killed).toEqual(['SIGKILL']);
  });

  it('gives a long script a process of its own', async () => {
    const lines = Array.from({ length: 1000 }, (_, n) => `add table ip table-${n}`);
    await session.load(lines);
    expect(programs.calls).toEqual([{ file: 'nft', args: ['-f', '-'], input: `${lines.join('\n')}\n` }]);
    expect(programs.spawned).toEqual([]);
  });

  it('starts anew before the history of what nft was told grows large', async () => {
    const line = `add table ip ${'a'.repeat(10_000)}`;
    for (let i = 0; i < 500; i++) await session.load([line]);
    expect(told).toHaveLength(500);
    expect(programs.spawned.map(({ killed }) => killed)).toEqual([['SIGKILL'], []]);
  });

  it('runs nft once per script where it cannot stay', async () => {
    programs.onSpawn = () => {
      queueMicrotask(() => programs.spawned.at(-1)!.end({ code: 1, signal: null }));
      return { stdin: new PassThrough(), stdout: new PassThrough() };
    };
    await session.load(['add table ip a']);
    await session.load(['add table ip b']);
    expect(programs.calls.map(({ input }) => input)).toEqual(['add table ip a\n', 'add table ip b\n']);
    expect(programs.spawned).toHaveLength(1);
  });

  it('ends its process when it is closed', async () => {
    await session.load(['add table ip a']);
    await session.close();
    expect(programs.spawned[0]!.killed).toEqual(['SIGKILL']);
    await session.close();
  });
});
