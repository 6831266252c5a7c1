import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'docs/compatibility');
const states = ['works', 'partly', 'not'] as const;
type State = (typeof states)[number];

/** Cells of a table's line; `\|` is a bar inside a cell. */
function cells(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

interface Row {
  file: string;
  /** One for an area's feature, two (source and name) for a spec. */
  keys: string[];
  state: string;
  text: string;
}

/** Rows of the tables whose header says that the column before the last holds the state. */
function rowsOf(file: string, text: string): Row[] {
  const rows: Row[] = [];
  let judged = false;
  for (const line of text.split('\n')) {
    if (!line.startsWith('|')) judged = false;
    else if (/^\|(-+\|)+$/.test(line)) continue;
    else if (judged || /\| (state|judged from our tests, not from a run) \|[^|]*\|$/.test(line)) {
      const all = cells(line);
      if (judged) rows.push({ file, keys: all.slice(0, -2), state: all.at(-2)!, text: all.at(-1)! });
      judged = true;
    }
  }
  return rows;
}

interface Reference {
  path: string;
  titles: string[];
}

/** Every `path.ts` "title", "title" of a text; line breaks in a title count as spaces. */
function referencesOf(text: string): Reference[] {
  return [...text.matchAll(/`((?:src|test)\/[\w./-]+\.ts)`((?:,?\s"[^"]+")*)/g)].map((match) => ({
    path: match[1]!,
    titles: [...match[2]!.matchAll(/"([^"]+)"/g)].map((title) => title[1]!.replace(/\s+/g, ' ')),
  }));
}

function brokenReferences(file: string, text: string): string[] {
  return referencesOf(text).flatMap(({ path, titles }) => {
    if (!existsSync(join(root, path))) return [`${file}: there is no ${path}`];
    const source = readFileSync(join(root, path), 'utf8');
    return titles
      .filter((title) => !source.includes(title))
      .map((title) => `${file}: ${path} has no "${title}"`);
  });
}

const provesSomething = (row: Row) => referencesOf(row.text).some((reference) => reference.titles.length > 0);

function count(rows: Row[]): Record<State, number> {
  return Object.fromEntries(
    states.map((state) => [state, rows.filter((row) => row.state === state).length]),
  ) as Record<State, number>;
}

describe('the compatibility tables', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.md'));
  const texts = new Map(files.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
  const index = readFileSync(join(root, 'docs/compatibility.md'), 'utf8');
  const areas = new Map([...texts].map(([name, text]) => [name, rowsOf(name, text)]));
  const rows = [...areas.values()].flat();

  it('name tests that exist, by titles that they have', () => {
    expect(rows.length).toBeGreaterThan(400);
    const broken = [...texts, ['../compatibility.md', index] as const].flatMap(([name, text]) =>
      brokenReferences(name, text),
    );
    expect(broken).toEqual([]);
  });

  it('say works, partly or not in every row, and name a test for what works', () => {
    const odd = rows.filter(
      (row) =>
        !states.some((state) => state === row.state) || (row.state === 'works' && !provesSomething(row)),
    );
    expect(odd).toEqual([]);
  });

  it('judge all 246 specs, each once', () => {
    const specs = areas.get('sig-network-specs.md')!;
    expect(specs.map((row) => row.keys.length).filter((n) => n !== 2)).toEqual([]);
    expect(new Set(specs.map((row) => row.keys[0])).size).toBe(246);
    expect(specs).toHaveLength(246);
  });

  it('are linked and counted by the index', () => {
    const wanted = [...areas].map(([name, own]) => {
      const { works, partly, not } = count(own);
      return `| ${name} | ${works} | ${partly} | ${not} |`;
    });
    const listed = [...index.matchAll(/^\| \[[^\]]+\]\(compatibility\/([\w-]+\.md)\) (\|.*\|)$/gm)].map(
      (match) => `| ${match[1]} ${match[2]}`,
    );
    expect(listed.sort()).toEqual(wanted.sort());
  });

  it('would be refused with a wrong path, a wrong title or a wrong word', () => {
    const planted = [
      '| feature | state | tests |',
      '|---|---|---|',
      '| a \\| b | maybe | `test/none.test.ts` |',
      '| c | works | `test/architecture/layers.ts` "no such title" |',
      '| d | works | as designed |',
    ].join('\n');
    const found = rowsOf('planted.md', planted);
    expect(found.map((row) => [row.keys, row.state])).toEqual([
      [['a \\| b'], 'maybe'],
      [['c'], 'works'],
      [['d'], 'works'],
    ]);
    expect(found.map(provesSomething)).toEqual([false, true, false]);
    expect(brokenReferences('planted.md', planted)).toHaveLength(2);
  });
});
