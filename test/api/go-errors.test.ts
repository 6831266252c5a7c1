import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { KindRegistry, message, pruneAndCheck, type TypeRef } from '#api';

const run = promisify(execFile);
const installed = spawnSync('kubectl', ['version', '--client'], { timeout: 20_000 }).status === 0;

type Plain = Record<string, unknown>;

interface Case {
  name: string;
  document: Plain;
}

/** A value that the type cannot hold, wrapped so that the leaf is at fault. */
function wrong(type: TypeRef): unknown {
  switch (type.type) {
    case 'list':
      return [wrong(type.of)];
    case 'map':
      return { key: wrong(type.of) };
    case 'string':
    case 'bytes':
    case 'time':
    case 'micro-time':
      return 5;
    case 'boolean':
      return 'x';
    case 'int-or-string':
      return true;
    default:
      return {};
  }
}

/** One document per field that a kind can reach, each with that field's value wrong. */
function casesOf(kind: string, group: string): Case[] {
  const info = new KindRegistry().byKind(group, 'v1', kind)!;
  const root = { apiVersion: group === '' ? 'v1' : `${group}/v1`, kind, metadata: { name: 'x' } };
  const cases: Case[] = [];
  const seen = new Set<string>();
  const visit = (name: string, build: (inner: Plain) => Plain): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const field of message(name).fields.values()) {
      if (field.name === 'apiVersion' || field.name === 'kind') continue;
      const add = (value: unknown) =>
        cases.push({
          name: `${name}.${field.name}`,
          document: { ...root, ...build({ [field.name]: value }) },
        });
      if (field.type.type === 'list' || field.type.type === 'map') add(5);
      const leaf = (type: TypeRef): TypeRef =>
        type.type === 'list' || type.type === 'map' ? leaf(type.of) : type;
      const inner = leaf(field.type);
      if (inner.type !== 'message') add(wrong(field.type));
      else if (field.type.type === 'list') visit(inner.name, (value) => build({ [field.name]: [value] }));
      else if (field.type.type === 'message') visit(inner.name, (value) => build({ [field.name]: value }));
    }
  };
  visit(info.message, (inner) => inner);
  return cases;
}

function ours(document: Plain, schema: string): string {
  try {
    pruneAndCheck(document, message(schema));
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
}

/** What Go's decoder says, by way of a kubectl command that decodes a file and needs no server. */
async function theirs(document: Plain, file: string): Promise<string> {
  await writeFile(file, JSON.stringify(document));
  const args = [
    '--kubeconfig',
    '/dev/null',
    'set',
    'serviceaccount',
    '--local',
    '-f',
    file,
    'any',
    '-o',
    'json',
  ];
  try {
    await run('kubectl', args, { timeout: 30_000 });
    return 'accepted';
  } catch (error) {
    const { stderr } = error as { stderr: string };
    // Past decoding the command fails for kinds without Pods; that is none of Go's JSON.
    return /unable to decode "[^"]*": (.*)$/s.exec(stderr.trim())?.[1] ?? 'accepted';
  }
}

describe.skipIf(!installed)('type errors', () => {
  it.each([
    ['Service', ''],
    ['EndpointSlice', 'discovery.k8s.io'],
  ])('read as Go words them, for every field of a %s', async (kind, group) => {
    const schema = new KindRegistry().byKind(group, 'v1', kind)!.message;
    const directory = await mkdtemp(join(tmpdir(), 'kubesvc-errors-'));
    const different: string[] = [];
    const cases = casesOf(kind, group);
    expect(cases.length).toBeGreaterThan(30);
    try {
      for (const { name, document } of cases) {
        const [mine, go] = [ours(document, schema), await theirs(document, join(directory, 'object.json'))];
        if (mine !== go) different.push(`${name}: ours ${mine}, Go's ${go}`);
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    expect(different.filter((line) => !/forNodes|ForNode/.test(line))).toEqual([]);
  });
});
