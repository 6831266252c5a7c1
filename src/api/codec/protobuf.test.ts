import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseApiVersion } from '../object.js';
import { findMessage, KindRegistry, kinds, message, pruneAndCheck } from '../schema/index.js';
import { structOf } from '../schema/testing/arbitrary.js';
import { decodeObject, encodeProtobuf, MEDIA_PROTOBUF } from './index.js';
import { kubectlBodies } from './testing/kubectl-bodies.js';

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
        fc.property(structOf(schema), (raw) => {
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
