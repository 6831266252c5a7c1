import { describe, expect, it } from 'vitest';
import { KindRegistry, kinds } from '../schema/index.js';
import { createOpenApi } from './index.js';

interface Json {
  [key: string]: Json;
}

const openApi = createOpenApi(new KindRegistry());
const parse = (document: { bytes: Buffer } | undefined): Json => JSON.parse(document!.bytes.toString());

function references(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value !== 'object' || value === null) return found;
  for (const [key, item] of Object.entries(value)) {
    if (key === '$ref') found.add(item as string);
    else references(item, found);
  }
  return found;
}

describe('OpenAPI 3', () => {
  it('indexes every group and version under the hash of its document', async () => {
    const { paths } = parse(await openApi.v3Index());
    const registry = new KindRegistry();
    for (const groupVersion of registry.groupVersions()) {
      const path = groupVersion.includes('/') ? `apis/${groupVersion}` : `api/${groupVersion}`;
      expect(paths![path]!['serverRelativeURL']).toBe(
        `/openapi/v3/${path}?hash=${openApi.v3(groupVersion)!.hash}`,
      );
    }
    expect(openApi.v3('nope/v1')).toBeUndefined();
  });

  it('defines everything that it refers to', () => {
    for (const groupVersion of new KindRegistry().groupVersions()) {
      const document = parse(openApi.v3(groupVersion));
      for (const ref of references(document)) {
        const name = ref.replace('#/components/schemas/', '');
        expect(document['components']!['schemas']![name], `${groupVersion} ${name}`).toBeDefined();
      }
    }
  });

  it('declares fieldValidation on the PATCH of every kind', () => {
    for (const kind of kinds) {
      if (kind.virtual) continue;
      const groupVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
      const paths = Object.values(parse(openApi.v3(groupVersion))['paths']!);
      const patch = paths
        .map((path) => path['patch'])
        .find((op) => op?.['x-kubernetes-group-version-kind']?.['kind'] === (kind.kind as never));
      const names = (patch!['parameters'] as unknown as { name: string; in: string }[]).map(
        (p) => `${p.in}:${p.name}`,
      );
      expect(names).toEqual(['query:dryRun', 'query:fieldManager', 'query:fieldValidation', 'query:force']);
    }
  });

  it('gives each operation an id of its own', () => {
    const ids: unknown[] = [];
    for (const path of Object.values(parse(openApi.v2Json())['paths']!)) {
      for (const operation of Object.values(path))
        if (operation['operationId']) ids.push(operation['operationId']);
    }
    expect(ids.length).toBeGreaterThan(300);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('publishes list-map keys, merge keys, and kinds', () => {
    const schemas = parse(openApi.v3('v1'))['components']!['schemas']!;
    expect(schemas['io.k8s.api.core.v1.ServiceSpec']!['properties']!['ports']).toMatchObject({
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
      'x-kubernetes-patch-merge-key': 'port',
      'x-kubernetes-patch-strategy': 'merge',
    });
    expect(schemas['io.k8s.api.core.v1.Service']).toMatchObject({
      description: expect.stringContaining('A name for a set of endpoints'),
      'x-kubernetes-group-version-kind': [{ group: '', kind: 'Service', version: 'v1' }],
    });
    expect(schemas['io.k8s.api.core.v1.ServicePort']!['required']).toEqual(['port']);
  });

  it('takes kinds that are added later', async () => {
    const registry = new KindRegistry();
    const own = createOpenApi(registry);
    const before = (await own.v3Index()).hash;
    registry.add({ ...kinds[1]!, group: 'example.com', kind: 'Widget', resource: 'widgets', message: '' });
    expect((await own.v3Index()).hash).not.toBe(before);
    expect(parse(own.v3('example.com/v1'))['paths']).toHaveProperty(
      '/apis/example.com/v1/namespaces/{namespace}/widgets/{name}',
    );
  });
});

describe('OpenAPI 2', () => {
  it('defines everything that it refers to', () => {
    const document = parse(openApi.v2Json());
    expect(document).toMatchObject({ swagger: '2.0' });
    for (const ref of references(document)) {
      expect(document['definitions']![ref.replace('#/definitions/', '')], ref).toBeDefined();
    }
  });

  it('has a protobuf form with the same paths and definitions', () => {
    const { bytes } = openApi.v2Protobuf();
    const document = parse(openApi.v2Json());
    expect(bytes.subarray(0, 5)).toEqual(Buffer.from([0x0a, 3, 0x32, 0x2e, 0x30]));
    for (const name of [...Object.keys(document['paths']!), ...Object.keys(document['definitions']!)]) {
      expect(bytes.includes(name)).toBe(true);
    }
  });
});
