import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseApiVersion } from '../object.js';
import {
  type Field,
  findMessage,
  KindRegistry,
  kinds,
  type Message,
  message,
  pruneAndCheck,
} from '../schema/index.js';
import type { TypeRef } from '../schema/type-ref.js';
import { decodeObject, encodeProtobuf, MEDIA_PROTOBUF } from './index.js';
import { kubectlBodies } from './testing/kubectl-bodies.js';

/** Arbitrary JSON forms of a type, from the same tables that the codec reads. */
function arbitraryOf(type: TypeRef, depth: number): fc.Arbitrary<unknown> {
  switch (type.type) {
    case 'string':
      return fc.string({ maxLength: 8 });
    case 'boolean':
      return fc.boolean();
    case 'int32':
      return fc.integer();
    case 'int64':
      return fc.maxSafeInteger();
    case 'double':
      return fc.double({ noDefaultInfinity: true, noNaN: true }).map((v) => (v === 0 ? 0 : v));
    case 'bytes':
      return fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    case 'time':
      return fc.integer({ min: 0, max: 4e9 }).map((s) => `${new Date(s * 1000).toISOString().slice(0, -5)}Z`);
    case 'micro-time':
      return fc
        .integer({ min: 0, max: 4e9 })
        .map((s) => `${new Date(s * 1000).toISOString().slice(0, -5)}.123456Z`);
    case 'quantity':
      return fc.constantFrom('0', '1', '100m', '1Gi', '1500Mi', '1e3');
    case 'int-or-string':
      return fc.oneof(fc.integer(), fc.string({ maxLength: 4 }));
    case 'object':
    case 'fields-v1':
      return fc.dictionary(fc.string({ maxLength: 4 }), fc.integer(), { maxKeys: 3 });
    case 'json':
      return fc.oneof(fc.integer(), fc.string(), fc.boolean());
    case 'list':
      return fc.array(arbitraryOf(type.of, depth + 1), { minLength: 1, maxLength: 2 });
    case 'map':
      return fc.dictionary(fc.string({ maxLength: 4 }), arbitraryOf(type.of, depth + 1), {
        minKeys: 1,
        maxKeys: 2,
      });
    case 'message':
      return depth > 6 ? fc.constant({}) : structOf(message(type.name), depth + 1);
    default:
      return fc.constant({});
  }
}

function structOf(schema: Message, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const fields = [...schema.fields.values()].filter((f: Field) => f.number !== undefined);
  return fc
    .subarray(fields, { maxLength: Math.min(5, fields.length) })
    .chain((chosen) =>
      fc.tuple(...chosen.map((f) => arbitraryOf(f.type, depth).map((v) => [f.name, v] as const))),
    )
    .map((pairs) => Object.fromEntries(pairs));
}

describe('protobuf', () => {
  const registry = new KindRegistry();

  it.each(kubectlBodies)('reads `kubectl $command`', ({ protobuf, json }) => {
    const text = Buffer.from(json);
    const { apiVersion, kind: name } = JSON.parse(json) as { apiVersion: string; kind: string };
    const { group, version } = parseApiVersion(apiVersion);
    const kind = registry.byKind(group, version, name)!;
    const fromProtobuf = decodeObject(Buffer.from(protobuf, 'base64'), MEDIA_PROTOBUF, { kind });
    const fromJson = decodeObject(text, 'application/json', { kind, fieldValidation: 'Strict' });
    expect(fromProtobuf.object).toEqual(fromJson.object);
    expect(fromProtobuf.object.metadata.name).toBeTruthy();
  });

  it('brings back what it wrote, for every kind', () => {
    for (const kind of kinds) {
      const schema = message(kind.message);
      fc.assert(
        fc.property(structOf(schema, 0), (raw) => {
          const { object } = pruneAndCheck(raw, schema);
          const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
          const full = { kind: kind.kind, apiVersion, ...object };
          const decoded = decodeObject(encodeProtobuf(full, schema), MEDIA_PROTOBUF, { kind });
          expect(decoded.object).toEqual(full);
        }),
        { numRuns: 25 },
      );
    }
  });

  it('reads what Go writes: empty messages, zero values and map entries', () => {
    const meta = Buffer.concat([
      Buffer.from([0x0a, 4]),
      Buffer.from('demo'),
      Buffer.from([0x12, 0, 0x1a, 0, 0x22, 0, 0x2a, 0, 0x32, 0, 0x38, 0, 0x42, 0]),
      Buffer.from([0x5a, 5, 0x0a, 1, 0x61, 0x12, 0]),
    ]);
    const raw = Buffer.concat([
      Buffer.from([0x0a, meta.length]),
      meta,
      Buffer.from([0x12, 0, 0x1a, 2, 0x0a, 0]),
    ]);
    const type = Buffer.concat([
      Buffer.from([0x0a, 2]),
      Buffer.from('v1'),
      Buffer.from([0x12, 9]),
      Buffer.from('Namespace'),
    ]);
    const body = Buffer.concat([
      Buffer.from('k8s\0'),
      Buffer.from([0x0a, type.length]),
      type,
      Buffer.from([0x12, raw.length]),
      raw,
      Buffer.from([0x1a, 0, 0x22, 0]),
    ]);
    const kind = kinds.find((k) => k.kind === 'Namespace')!;
    expect(decodeObject(body, MEDIA_PROTOBUF, { kind }).object).toEqual({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'demo', labels: { a: '' } },
      spec: {},
      status: {},
    });
  });

  it('reads packed lists, negative integers and merged messages', () => {
    const schema = findMessage('core.v1.PodSecurityContext')!;
    expect(schema.fields.get('supplementalGroups')!.number).toBe(4);
    const negative = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    const security = Buffer.from([0x22, 3, 1, 0xac, 0x02, 0x20, 7, 0x10, ...negative]);
    const spec = Buffer.concat([
      Buffer.from([0x72, security.length]),
      security,
      Buffer.from([0x72, 2, 0x28, 5]),
    ]);
    const raw = Buffer.concat([Buffer.from([0x12, spec.length]), spec]);
    const body = Buffer.concat([Buffer.from('k8s\0'), Buffer.from([0x12, raw.length]), raw]);
    const kind = kinds.find((k) => k.kind === 'Pod')!;
    expect(decodeObject(body, MEDIA_PROTOBUF, { kind }).object).toMatchObject({
      spec: { securityContext: { supplementalGroups: [1, 300, 7], runAsUser: -1, fsGroup: 5 } },
    });
  });
});
