import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Startable } from '#base';
import { watchFile } from './file-watch.js';

describe('watchFile', () => {
  let directory: string;
  let watch: Startable | undefined;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'kubesvc-watch-'));
  });

  afterEach(async () => {
    await watch?.stop();
    rmSync(directory, { recursive: true });
  });

  /** Starts to watch and resolves `changed` with the first call back. */
  async function start(path: string, content: string) {
    let tell: () => void = () => {};
    const changed = new Promise<void>((resolve) => (tell = resolve));
    let calls = 0;
    watch = watchFile(path, content, () => {
      calls++;
      tell();
    });
    await watch.start();
    return { changed, calls: () => calls };
  }

  it('tells when the file is written', async () => {
    const path = join(directory, 'config');
    writeFileSync(path, 'a');
    const { changed } = await start(path, 'a');
    writeFileSync(path, 'b');
    await changed;
  });

  it('tells when the file is replaced by renaming, and once', async () => {
    const path = join(directory, 'config');
    writeFileSync(path, 'a');
    const { changed, calls } = await start(path, 'a');
    writeFileSync(join(directory, 'new'), 'b');
    renameSync(join(directory, 'new'), path);
    await changed;
    writeFileSync(path, 'c');
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls()).toBe(1);
  });

  it('tells when the link of a mounted ConfigMap turns', async () => {
    for (const [name, text] of [
      ['..1', 'a'],
      ['..2', 'b'],
    ] as const) {
      mkdirSync(join(directory, name));
      writeFileSync(join(directory, name, 'config'), text);
    }
    symlinkSync('..1', join(directory, '..data'));
    symlinkSync('..data/config', join(directory, 'config'));
    const { changed } = await start(join(directory, 'config'), 'a');
    symlinkSync('..2', join(directory, '..data_tmp'));
    renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
    await changed;
  });

  it('tells at once of a change between reading and watching, and is quiet about a touch', async () => {
    const path = join(directory, 'config');
    writeFileSync(path, 'b');
    expect((await start(path, 'a')).calls()).toBe(1);
    await watch?.stop();
    const { calls } = await start(path, 'b');
    writeFileSync(path, 'b');
    writeFileSync(join(directory, 'other'), 'x');
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls()).toBe(0);
  });
});
