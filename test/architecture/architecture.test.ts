import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { importsOf, layers, type SourceFile, violations } from './layers.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const src = join(root, 'src');

function sources(): (SourceFile & { lines: number })[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(ts|mjs)$/.test(path))
    .map((path) => {
      const text = readFileSync(join(src, path), 'utf8');
      return {
        path: relative(src, join(src, path)),
        imports: importsOf(text),
        lines: text.split('\n').length,
      };
    });
}

describe('the architecture', () => {
  const files = sources();

  it('reads every layer, and not just a few files', () => {
    const seen = new Set(files.map((f) => f.path.split('/')[0]));
    expect([...seen].sort()).toEqual(Object.keys(layers).sort());
    expect(files.length).toBeGreaterThan(250);
    expect(files.flatMap((f) => f.imports).length).toBeGreaterThan(1000);
  });

  it('keeps to the layers and confines third parties', () => {
    expect(violations(files)).toEqual([]);
  });

  it('installs nothing that the sources do not import', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const imported = new Set(
      files.filter((f) => !/\.test\.ts$|\/testing\//.test(f.path)).flatMap((f) => f.imports),
    );
    expect(Object.keys(dependencies).filter((name) => !imported.has(name))).toEqual([]);
  });

  it('bites when a violation is planted', () => {
    const planted = [
      { path: 'dns/server.ts', imports: importsOf("import type { Proxy } from '#proxy';") },
      { path: 'storage/store.ts', imports: importsOf("export * from '#api';") },
      {
        path: 'proxy/a/b.ts',
        imports: importsOf("import { spawn } from 'node:child_process';\nawait import('lmdb');"),
      },
      {
        path: 'api/codec/json.ts',
        imports: importsOf("import {\n  x,\n} from '../../base/log.js';\nimport 'left-pad';"),
      },
    ];
    expect(violations(planted)).toHaveLength(6);
  });

  it('keeps files small: p90 under 300 lines, few above 400', () => {
    const sizes = files
      .filter((f) => !/\.gen\.ts$|schema\/tables\/|\.test\.ts$/.test(f.path))
      .map((f) => f.lines)
      .sort((a, b) => a - b);
    expect(sizes[Math.floor(sizes.length * 0.9)]).toBeLessThanOrEqual(300);
    expect(sizes.filter((n) => n > 400).length / sizes.length).toBeLessThanOrEqual(0.04);
  });

  it('has generated types that match the schema tables', () => {
    execFileSync(process.execPath, [join(root, 'scripts/generate-types.mjs'), '--check'], { stdio: 'pipe' });
  });
});
