import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let found: string | undefined;

/** The directory of this package: the same from the sources, from a build, and from an installation. */
export function packageRoot(): string {
  found ??= search(dirname(fileURLToPath(import.meta.url)));
  return found;
}

function search(directory: string): string {
  const file = join(directory, 'package.json');
  if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name === 'kubesvc') return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error('the package.json of kubesvc is missing');
  return search(parent);
}
