import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/** A program made from sources, to be run inside a namespace. */
export interface Bundle {
  path: string;
  remove(): Promise<void>;
}

/** Compiles a file of this folder with all that it imports, without the build. */
export async function bundle(name: string): Promise<Bundle> {
  const dir = await mkdtemp(join(tmpdir(), 'kubesvc-bundle-'));
  // Readable for programs that run as somebody else.
  await chmod(dir, 0o755);
  const build = await rolldown({
    input: { main: fileURLToPath(new URL(`./${name}`, import.meta.url)) },
    platform: 'node',
    logLevel: 'silent',
  });
  await build.write({ dir, format: 'esm', entryFileNames: '[name].mjs' });
  await build.close();
  const helper = fileURLToPath(new URL('../../src/host/spawn-helper.mjs', import.meta.url));
  await copyFile(helper, join(dir, 'spawn-helper.mjs'));
  return { path: join(dir, 'main.mjs'), remove: () => rm(dir, { recursive: true, force: true }) };
}
