import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CorefileError } from './tokens.js';

/**
 * The files of `import PATTERN`, relative to the directory of the importing file; `*` and `?` may stand in the last part
 * of the path. A pattern may match nothing; a name without them must be there (coredns/caddy doImport).
 */
export function importedFiles(
  pattern: string,
  at: { file: string; line: number; column: number },
): { file: string; text: string }[] {
  const path = resolve(dirname(resolve(at.file)), pattern);
  const paths = /[*?]/.test(pattern) ? matching(path) : [path];
  return paths.map((file) => {
    try {
      return { file, text: readFileSync(file, 'utf8') };
    } catch (error) {
      throw new CorefileError(at.file, at, `import: ${(error as Error).message}`);
    }
  });
}

function matching(path: string): string[] {
  const escaped = basename(path).replace(/[.+^${}()|[\]\\]/g, '\\$&');
  const name = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
  try {
    const entries = readdirSync(dirname(path), { withFileTypes: true });
    // Hidden files are not meant, as in Caddy.
    return entries
      .filter((e) => !e.isDirectory() && !e.name.startsWith('.') && name.test(e.name))
      .map((e) => join(dirname(path), e.name))
      .sort();
  } catch {
    return [];
  }
}
