import { describe, expect, it } from 'vitest';
import {
  compareVersions,
  findMessage,
  KindRegistry,
  kinds,
  message,
  messagesOf,
  tableNames,
} from './index.js';
import type { TypeRef } from './type-ref.js';

function leafOf(type: TypeRef): TypeRef {
  return type.type === 'list' || type.type === 'map' ? leafOf(type.of) : type;
}

describe('message', () => {
  it('resolves every reference of every table', () => {
    let fields = 0;
    for (const table of tableNames()) {
      for (const name of messagesOf(table)) {
        for (const field of message(name).fields.values()) {
          fields++;
          const leaf = leafOf(field.type);
          if (leaf.type === 'message') expect(findMessage(leaf.name), `${name}.${field.name}`).toBeDefined();
        }
      }
    }
    expect(fields).toBeGreaterThan(1400);
  });

  it('gives every field but apiVersion and kind a protobuf number', () => {
    const without: string[] = [];
    for (const table of tableNames()) {
      for (const name of messagesOf(table)) {
        for (const field of message(name).fields.values()) {
          if (field.number === undefined && field.name !== 'apiVersion' && field.name !== 'kind') {
            without.push(`${name}.${field.name}`);
          }
        }
      }
    }
    expect(without).toEqual([]);
  });

  it('knows list-map keys, merge keys and defaults of Service ports', () => {
    const ports = message('core.v1.ServiceSpec').fields.get('ports')!;
    expect(ports).toMatchObject({
      listType: 'map',
      listMapKeys: ['port', 'protocol'],
      patchMergeKey: 'port',
    });
    expect(message('core.v1.ServicePort').fields.get('protocol')!.default).toBe('TCP');
  });

  it('puts fields that Go inlines into their embedded message', () => {
    expect(message('core.v1.Volume').embedded.get(2)!.get(19)!.name).toBe('configMap');
    expect(message('core.v1.Probe').fields.get('grpc')).toMatchObject({ number: 4, embedded: 1 });
  });

  it('makes list messages and refuses unknown names', () => {
    expect(message('core.v1.ServiceList').fields.get('items')!.type).toEqual({
      type: 'list',
      of: { type: 'message', name: 'core.v1.Service' },
    });
    expect(findMessage('core.v1.ServicePortList')).toBeUndefined();
    expect(findMessage('__proto__')).toBeUndefined();
    expect(() => message('core.v1.Nope')).toThrow(TypeError);
  });
});

describe('KindRegistry', () => {
  const registry = new KindRegistry();

  it('has a message for every kind and a storage prefix of its own for every stored kind', () => {
    const prefixes = new Set<string>();
    for (const kind of kinds) {
      expect(findMessage(kind.message), kind.kind).toBeDefined();
      if (kind.virtual || kind.storedAs) continue;
      expect(prefixes.has(kind.storagePrefix), kind.storagePrefix).toBe(false);
      prefixes.add(kind.storagePrefix);
    }
    expect(kinds.length).toBeGreaterThan(40);
  });

  it('finds kinds by resource and by kind, with the prefixes of kube-apiserver', () => {
    expect(registry.byResource('', 'v1', 'services')?.storagePrefix).toBe('services/specs');
    expect(registry.byResource('', 'v1', 'nodes')?.storagePrefix).toBe('minions');
    expect(registry.byKind('', 'v1', 'ReplicationController')?.storagePrefix).toBe('controllers');
    expect(registry.byKind('autoscaling', 'v1', 'Scale')?.message).toBe('autoscaling.v1.Scale');
    expect(registry.byResource('', 'v1', '__proto__')).toBeUndefined();
  });

  it('lists groups by preference with core first', () => {
    expect(registry.groupVersions().slice(0, 3)).toEqual(['v1', 'apps/v1', 'events.k8s.io/v1']);
  });

  it('stores events.k8s.io Events as core Events', () => {
    const kind = registry.byResource('events.k8s.io', 'v1', 'events')!;
    expect(registry.stored(kind)).toBe(registry.byKind('', 'v1', 'Event'));
  });

  it('takes and forgets kinds at run time', () => {
    const open = new KindRegistry();
    const before = open.generation;
    const widget = { ...kinds[0]!, group: 'example.com', kind: 'Widget', resource: 'widgets' };
    open.add(widget);
    expect(open.byKind('example.com', 'v1', 'Widget')).toBe(widget);
    expect(open.groups().at(-1)).toEqual({ group: 'example.com', versions: ['v1'] });
    expect(open.remove(widget)).toBe(true);
    expect(open.byResource('example.com', 'v1', 'widgets')).toBeUndefined();
    expect(open.generation).toBeGreaterThan(before);
  });

  it('orders versions as Kubernetes does', () => {
    const order = [
      'v10',
      'v2',
      'v1',
      'v11beta2',
      'v10beta3',
      'v3beta1',
      'v12alpha1',
      'v11alpha2',
      'foo1',
      'foo10',
    ];
    expect([...order].reverse().sort(compareVersions)).toEqual(order);
  });
});
