import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KindRegistry, message, pruneAndCheck } from '#api';
import { structOf } from '../../src/api/schema/testing/arbitrary.js';

type Plain = Record<string, unknown>;

const installed = spawnSync('kubectl', ['version', '--client'], { timeout: 20_000 }).status === 0;

/** Fields younger than the kubectl that the test may meet (1.32). */
const YOUNGER =
  /terminatingReplicas|schedulingGroup|fileKeyRef|restartPolicyRules|hostnameOverride|stopSignal|volumeStatus|extendedResourceClaimStatus|nodeAllocatableResourceClaimStatuses|status\.(observedGeneration|resources|allocatedResources)|spec\.resources|podCertificate|userAnnotations|workloadRef/;

/** kubectl decodes the objects into Go's types, changes one field and prints Go's JSON of them, without any server. */
function throughGo(objects: Plain[], change: string[]): Map<string, Plain> {
  const directory = mkdtempSync(join(tmpdir(), 'kubesvc-go-'));
  try {
    const file = join(directory, 'objects.json');
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    const args = [
      '--kubeconfig',
      '/dev/null',
      'set',
      change[0]!,
      '--local',
      '-f',
      file,
      change[1]!,
      '-o',
      'json',
    ];
    const { stdout } = spawnSync('kubectl', args, { encoding: 'utf8', maxBuffer: 1 << 26, timeout: 60_000 });
    const printed = stdout.split(/^\}\n/m).filter((text) => text.trim() !== '');
    const parsed = printed.map((text) => JSON.parse(`${text}}`) as { metadata: { name: string } });
    return new Map(parsed.map((object) => [object.metadata.name, object as unknown as Plain]));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Paths at which two JSON values differ; null and absent are the same here. */
function differences(ours: unknown, theirs: unknown, path: string, found: string[]): string[] {
  if ((ours ?? undefined) === (theirs ?? undefined)) return found;
  if (typeof ours === 'object' && typeof theirs === 'object' && ours !== null && theirs !== null) {
    for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
      const inner = Array.isArray(ours) ? `${path}[]` : `${path}.${key}`;
      differences((ours as Plain)[key], (theirs as Plain)[key], inner, found);
    }
  } else found.push(`${path}: ours ${JSON.stringify(ours)}, Go's ${JSON.stringify(theirs)}`);
  return found;
}

/** Objects of a kind with all of the schema's variety, and the one field that kubectl will set. */
function samples(kind: string, count: number): Plain[] {
  const info = [...new KindRegistry()].find((candidate) => candidate.kind === kind)!;
  const apiVersion = info.group === '' ? 'v1' : `${info.group}/v1`;
  const drawn = fc.sample(structOf(message(info.message)), { numRuns: count, seed: 7 });
  return drawn.map((raw, i) => {
    const { spec } = structuredClone(raw) as { spec?: Plain };
    return { ...raw, apiVersion, kind, metadata: { name: `n${i}` }, spec: { ...spec } };
  });
}

function withAccount(object: Plain, name: string): Plain {
  const copy = structuredClone(object) as { kind: string; spec: Plain };
  let pod: Plain = copy.spec;
  if (copy.kind !== 'Pod') {
    copy.spec['template'] ??= {};
    const template = copy.spec['template'] as Plain;
    template['spec'] ??= {};
    pod = template['spec'] as Plain;
  }
  pod['serviceAccountName'] = name;
  pod['containers'] ??= [];
  return copy;
}

describe.skipIf(!installed)('the JSON of stored objects', () => {
  it.each(['Pod', 'Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job'])(
    'has the zero values that Go writes for a %s',
    (kind) => {
      const objects = samples(kind, 100);
      const printed = throughGo(
        objects.map((object) => withAccount(object, 'before')),
        ['serviceaccount', 'after'],
      );
      // Some random objects lack the merge keys that kubectl's own patch needs.
      expect(printed.size).toBeGreaterThan(80);
      const info = [...new KindRegistry()].find((candidate) => candidate.kind === kind)!;
      const found: string[] = [];
      for (const object of objects) {
        const theirs = printed.get((object['metadata'] as { name: string }).name);
        if (theirs === undefined) continue;
        differences(
          pruneAndCheck(withAccount(object, 'after'), message(info.message)).object,
          theirs,
          kind,
          found,
        );
      }
      const known = /StatefulSet\.spec\.serviceName|onPodConditions\[\]\.status/;
      expect(found.filter((line) => !YOUNGER.test(line) && !known.test(line))).toEqual([]);
    },
  );

  it('has the zero values that Go writes for a Service', () => {
    const objects = samples('Service', 100);
    const select = (object: Plain, value: string): Plain => ({
      ...object,
      spec: { ...(object['spec'] as Plain), selector: { zz: value } },
    });
    const printed = throughGo(
      objects.map((object) => select(object, 'before')),
      ['selector', 'zz=after'],
    );
    expect(printed.size).toBe(100);
    const found: string[] = [];
    for (const object of objects) {
      const theirs = printed.get((object['metadata'] as { name: string }).name);
      differences(
        pruneAndCheck(select(object, 'after'), message('core.v1.Service')).object,
        theirs,
        'Service',
        found,
      );
    }
    expect(found).toEqual([]);
  });
});
