import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, KubeObject } from '../object.js';
import type { KindInfo } from '../schema/kind-info.js';
import { kinds } from '../schema/kinds.js';
import { findMessage } from '../schema/messages.js';
import { pruneAndCheck } from '../schema/walker.js';
import { StatusError } from '../status.js';
import type { core, meta } from '../types/index.js';
import { parseFields } from './field-set.js';
import { applyObject, type FieldWriter, updateManagedFields } from './index.js';

const T1 = '2024-01-01T00:00:00Z';
const T2 = '2024-01-02T00:00:00Z';

function kindOf(message: string): KindInfo {
  return [...kinds].find((kind) => kind.message === message)!;
}
const service = kindOf('core.v1.Service');
const deployment = kindOf('apps.v1.Deployment');

/** Objects as the codec hands them on. */
function stored<T extends KubeObject>(kind: KindInfo, object: object): T {
  return pruneAndCheck<JsonObject>(object, findMessage(kind.message)!).object as unknown as T;
}

function hello(spec: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'hello', namespace: 'default', ...metadata },
    spec: { ports: [{ name: 'http', port: 80, protocol: 'TCP' }], ...spec },
  };
}

function apply(
  config: JsonObject,
  live?: core.Service,
  options: { manager?: string; force?: boolean; time?: string } = {},
) {
  const { manager = 'm', force = false, time = T1 } = options;
  return applyObject<core.Service>({ kind: service, manager, force, time }, config, live);
}

/** The object with its new managedFields. */
function track<T extends KubeObject>(writer: FieldWriter, object: T, live: KubeObject | undefined): T {
  const managedFields = updateManagedFields(writer, object, live);
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: managedFields.length === 0 ? metadata : { ...metadata, managedFields } };
}

function update(object: object, live: core.Service | undefined, manager: string, time = T1): core.Service {
  return track({ kind: service, manager, time }, stored<core.Service>(service, object), live);
}

function fieldsOf(object: KubeObject, manager: string): unknown {
  return object.metadata.managedFields?.find((entry) => entry.manager === manager)?.fieldsV1;
}

function statusOf(run: () => unknown): StatusError {
  try {
    run();
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  throw new Error('did not throw');
}

describe('field sets', () => {
  it('round-trip fieldsV1 and canonicalise keys', () => {
    const fields = {
      'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
      'f:spec': { 'f:ports': { 'k:{"protocol":"TCP","port":80}': { '.': {}, 'f:port': {} } }, 'f:type': {} },
      'f:list': { 'v:"x"': {}, 'i:0': {} },
    };
    expect(JSON.stringify(parseFields(fields))).toBe(
      '{"f:list":{"v:\\"x\\"":{},"i:0":{}},"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:ports":{"k:{\\"port\\":80,\\"protocol\\":\\"TCP\\"}":{".":{},"f:port":{}}},"f:type":{}}}',
    );
  });

  it.each([[{ x: {} }], [{ 'k:{': {} }], [{ 'v:': {} }], [{ 'i:x': {} }], [[]], ['x']])(
    'refuse %j',
    (fields) => {
      expect(() => parseFields(fields as never)).toThrow(SyntaxError);
    },
  );
});

describe('updates', () => {
  it('own what a create sets, without what the server fills in', () => {
    const created = update(
      hello({ selector: { app: 'x' } }, { labels: { a: 'b' } }),
      undefined,
      'kubectl-create',
    );
    expect(created.metadata.managedFields).toEqual([
      {
        manager: 'kubectl-create',
        operation: 'Update',
        apiVersion: 'v1',
        time: T1,
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } },
          'f:spec': {
            'f:ports': {
              '.': {},
              'k:{"port":80,"protocol":"TCP"}': {
                '.': {},
                'f:name': {},
                'f:port': {},
                'f:protocol': {},
                'f:targetPort': {},
              },
            },
            'f:selector': {},
          },
        },
      },
    ]);
  });

  it('describe a Deployment as kube-apiserver does', () => {
    const object = stored(deployment, {
      metadata: { name: 'web' },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'web' } },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    });
    const created = track({ kind: deployment, manager: 'm', time: T1 }, object, undefined);
    expect(fieldsOf(created, 'm')).toEqual({
      'f:spec': {
        'f:replicas': {},
        'f:selector': {},
        'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {} }, 'f:type': {} },
        'f:template': {
          'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
          'f:spec': {
            'f:containers': {
              'k:{"name":"c"}': { '.': {}, 'f:image': {}, 'f:name': {}, 'f:resources': {} },
            },
          },
        },
      },
    });
  });

  it('take over what they change and leave the rest', () => {
    const created = update(hello({ type: 'ClusterIP', selector: { app: 'x' } }), undefined, 'one');
    const changed = update(
      { ...hello({ type: 'NodePort', selector: { app: 'x' } }), metadata: { ...created.metadata } },
      created,
      'two',
      T2,
    );
    expect(fieldsOf(changed, 'two')).toEqual({ 'f:spec': { 'f:type': {} } });
    expect(JSON.stringify(fieldsOf(changed, 'one'))).not.toContain('f:type');
    expect(changed.metadata.managedFields?.find((entry) => entry.manager === 'one')?.time).toBe(T1);
  });

  it('leave no trace and no new time when nothing changes', () => {
    const created = update(hello(), undefined, 'one');
    const again = update(created, created, 'two', T2);
    expect(again).toEqual(created);
  });

  it('keep status apart from the rest', () => {
    const created = update(hello(), undefined, 'one');
    const status = stored<core.Service>(service, {
      ...created,
      status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } },
      spec: { ...created.spec, type: 'X' },
    });
    const written = track({ kind: service, manager: 'lb', subresource: 'status', time: T2 }, status, created);
    expect(written.metadata.managedFields?.find((entry) => entry.manager === 'lb')).toMatchObject({
      subresource: 'status',
      fieldsV1: { 'f:status': { 'f:loadBalancer': { 'f:ingress': {} } } },
    });
    expect(JSON.stringify(fieldsOf(written, 'lb'))).not.toContain('f:spec');
  });

  it('forget all managers on [{}] and do not track again by themselves', () => {
    const created = update(hello(), undefined, 'one');
    const reset = update(
      { ...created, metadata: { ...created.metadata, managedFields: [{}] } },
      created,
      'two',
    );
    expect(reset.metadata.managedFields).toBeUndefined();
    expect(update(hello({ type: 'NodePort' }), reset, 'two').metadata.managedFields).toBeUndefined();
  });

  it('fall back to the stored managers for lists that cannot be read', () => {
    const created = update(hello(), undefined, 'one');
    const broken = [{ manager: 'x', operation: 'Apply', fieldsType: 'FieldsV1', fieldsV1: { y: {} } }];
    const written = update(
      { ...created, metadata: { ...created.metadata, managedFields: broken } },
      created,
      'two',
    );
    expect(written.metadata.managedFields).toEqual(created.metadata.managedFields);
  });

  it('put the oldest of many updaters together', () => {
    let object = update(hello(), undefined, 'm00', T1);
    for (let i = 1; i <= 14; i++) {
      const labels = { ...object.metadata.labels, [`l${i}`]: 'x' };
      const time = `2024-02-${String(i).padStart(2, '0')}T00:00:00Z`;
      object = update({ ...object, metadata: { ...object.metadata, labels } }, object, `m${i}`, time);
    }
    const names = object.metadata.managedFields!.map((entry) => entry.manager);
    expect(names).toHaveLength(10);
    expect(names).toContain('ancient-changes');
    expect(JSON.stringify(fieldsOf(object, 'ancient-changes'))).toContain('f:l3');
    expect(names).toContain('m14');
  });
});

describe('server-side apply', () => {
  it('creates, and owns exactly what was applied', () => {
    const { object, changed } = apply(hello({ selector: { app: 'x' } }));
    expect(changed).toBe(true);
    expect(object.metadata.managedFields).toEqual([
      expect.objectContaining({
        manager: 'm',
        operation: 'Apply',
        fieldsV1: {
          'f:spec': {
            'f:ports': {
              'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:port': {}, 'f:protocol': {} },
            },
            'f:selector': {},
          },
        },
      }),
    ]);
  });

  it('does nothing the second time, whatever the clock says', () => {
    const { object } = apply(hello({ selector: { app: 'x' } }));
    const again = apply(hello({ selector: { app: 'x' } }), object, { time: T2 });
    expect(again).toEqual({ object, changed: false });
  });

  it('refuses to take a field from another manager, with its name and the path', () => {
    const created = update(hello({ type: 'ClusterIP' }), undefined, 'kubectl-create');
    const error = statusOf(() => apply(hello({ type: 'NodePort' }), created));
    expect(error.status).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "kubectl-create" using v1: .spec.type',
      details: {
        causes: [
          {
            reason: 'FieldManagerConflict',
            message: 'conflict with "kubectl-create" using v1',
            field: '.spec.type',
          },
        ],
      },
    });
  });

  it('lists several conflicts by manager', () => {
    const { object } = apply(hello({ type: 'ClusterIP', sessionAffinity: 'None' }), undefined, {
      manager: 'a',
    });
    const error = statusOf(() =>
      apply(hello({ type: 'NodePort', sessionAffinity: 'ClientIP' }), object, { manager: 'b' }),
    );
    expect(error.message).toBe(
      'Apply failed with 2 conflicts: conflicts with "a":\n- .spec.sessionAffinity\n- .spec.type',
    );
  });

  it('takes the field with force, and the other manager loses it', () => {
    const created = update(hello({ type: 'ClusterIP' }), undefined, 'other');
    const { object } = apply(hello({ type: 'NodePort' }), created, { force: true });
    expect(object.spec?.type).toBe('NodePort');
    expect(JSON.stringify(fieldsOf(object, 'other'))).not.toContain('f:type');
    expect(fieldsOf(object, 'm')).toMatchObject({ 'f:spec': { 'f:type': {} } });
  });

  it('shares a field when the value is the same', () => {
    const first = apply(hello({ type: 'NodePort' }), undefined, { manager: 'a' }).object;
    const both = apply(hello({ type: 'NodePort' }), first, { manager: 'b' }).object;
    expect(fieldsOf(both, 'a')).toMatchObject({ 'f:spec': { 'f:type': {} } });
    expect(fieldsOf(both, 'b')).toMatchObject({ 'f:spec': { 'f:type': {} } });
    const without = apply(hello(), both, { manager: 'b' }).object;
    expect(without.spec?.type).toBe('NodePort');
  });

  it('removes what is no longer applied and owned by nobody else', () => {
    const { object } = apply(
      hello({ selector: { app: 'x' }, externalIPs: ['1.2.3.4'] }, { labels: { a: '1', b: '2' } }),
    );
    const { object: less } = apply(hello({}, { labels: { a: '1' } }), object);
    expect(less.spec).toEqual(hello()['spec'] === undefined ? {} : { ports: object.spec?.ports });
    expect(less.metadata.labels).toEqual({ a: '1' });
  });

  it('removes a list item by its keys and keeps items of others', () => {
    const two = [
      { name: 'http', port: 80, protocol: 'TCP' },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ];
    const { object } = apply(hello({ ports: two }));
    const ports = [...object.spec!.ports!, { name: 'extra', port: 53, protocol: 'TCP', targetPort: 53 }];
    const extended = update({ ...object, spec: { ...object.spec, ports } }, object, 'other');
    const { object: less } = apply(hello(), extended);
    expect(less.spec?.ports?.map((port) => port.name)).toEqual(['http', 'extra']);
  });

  it('identifies ports by the default protocol when none is given', () => {
    const { object } = apply(hello({ ports: [{ port: 80, name: 'http' }] }));
    expect(JSON.stringify(fieldsOf(object, 'm'))).toContain('k:{\\"port\\":80,\\"protocol\\":\\"TCP\\"}');
  });

  it('replaces atomic lists and maps whole', () => {
    const first = apply(hello({ selector: { a: '1' } }), undefined, { manager: 'a' }).object;
    const error = statusOf(() => apply(hello({ selector: { b: '2' } }), first, { manager: 'b' }));
    expect(error.message).toContain('.spec.selector');
    const forced = apply(hello({ selector: { b: '2' } }), first, { manager: 'b', force: true }).object;
    expect(forced.spec?.selector).toEqual({ b: '2' });
  });

  it('answers 400 for an untracked object whose list items have no identity', () => {
    const account = kindOf('core.v1.ServiceAccount');
    const live = stored<core.ServiceAccount>(account, { metadata: { name: 'a' }, secrets: [{}] });
    const config = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'a' } };
    const write = () => applyObject({ kind: account, manager: 'm', time: T1 }, config, live);
    expect(write).toThrow(StatusError);
    expect(write).toThrow(
      /^failed to apply: associative list with keys has an element that omits key field "name"/,
    );
  });

  it('credits what existed untracked to before-first-apply', () => {
    const live = stored<core.Service>(service, hello({ type: 'ClusterIP' }));
    const error = statusOf(() => apply(hello({ type: 'NodePort' }), live));
    expect(error.message).toContain('conflict with "before-first-apply" using v1: .spec.type');
  });

  it('lets kubectl take over what its client-side apply set, and keeps the annotation in step', () => {
    const key = 'kubectl.kubernetes.io/last-applied-configuration';
    const config = hello({ type: 'ClusterIP' });
    const annotations = { [key]: JSON.stringify(config) };
    const live = update(
      { ...config, metadata: { ...(config['metadata'] as JsonObject), annotations } },
      undefined,
      'kubectl-client-side-apply',
    );
    const { object } = apply(hello({ type: 'NodePort' }), live, { manager: 'kubectl' });
    expect(object.spec?.type).toBe('NodePort');
    expect(object.metadata.annotations![key]).toBe(
      '{"apiVersion":"v1","kind":"Service","metadata":{"annotations":{},"name":"hello","namespace":"default"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP"}],"type":"NodePort"}}\n',
    );
    const foreign = statusOf(() => apply(hello({ type: 'NodePort' }), live, { manager: 'argo' }));
    expect(foreign.code).toBe(409);
  });

  it('ignores creationTimestamp: null, which printed objects carry', () => {
    const created = apply(hello()).object;
    const live = { ...created, metadata: { ...created.metadata, creationTimestamp: T1, uid: 'u' } };
    const again = apply(hello({}, { creationTimestamp: null }), live, { time: T2 });
    expect(again).toEqual({ object: live, changed: false });
  });

  it('treats equal quantities as equal', () => {
    const pod = kindOf('core.v1.Pod');
    const config = (cpu: string): JsonObject => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'default' },
      spec: { containers: [{ name: 'c', resources: { limits: { cpu } } }] },
    });
    const writer = { kind: pod, manager: 'm', time: T1 };
    const { object } = applyObject(writer, config('1000m'), undefined as core.Pod | undefined);
    expect(applyObject(writer, config('1'), object).changed).toBe(false);
    // Its other managers are asked all the same: structured-merge-diff compares what is written.
    const other = { ...writer, manager: 'other' };
    expect(statusOf(() => applyObject(other, config('1000m'), object)).message).toContain('limits.cpu');
    expect(fieldsOf(applyObject(other, config('1'), object).object, 'other')).toBeDefined();
  });

  it('asks before it empties what another manager set', () => {
    const live = apply(hello({ selector: { app: 'a' } }), undefined, { manager: 'a' }).object;
    expect(statusOf(() => apply(hello({ selector: {} }), live, { manager: 'b' })).message).toBe(
      'Apply failed with 1 conflict: conflict with "a": .spec.selector',
    );
  });

  it('leaves an emptied part with its other managers', () => {
    const live = update(hello({}, { labels: { a: '1' } }), undefined, 'a');
    const mine = apply(hello({}, { labels: { a: '2' } }), live, { manager: 'b', force: true }).object;
    const without = apply(hello(), mine, { manager: 'b' }).object;
    expect(without.metadata.labels).toBeUndefined();
    expect(fieldsOf(without, 'a')).toMatchObject({ 'f:metadata': { 'f:labels': {} } });
  });

  it('owns an owner reference as one value', () => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'o', uid: 'u' };
    const { object } = apply(hello({}, { ownerReferences: [owner] }));
    expect(fieldsOf(object, 'm')).toMatchObject({
      'f:metadata': { 'f:ownerReferences': { 'k:{"uid":"u"}': {} } },
    });
    expect(JSON.stringify(fieldsOf(object, 'm'))).not.toContain('f:uid');
  });

  it.each([
    ['an unknown field', hello({ nope: 1 }), '.spec.nope: field not declared in schema'],
    [
      'duplicate keys',
      hello({
        ports: [
          { port: 1, protocol: 'TCP' },
          { port: 1, protocol: 'TCP' },
        ],
      }),
      '.spec.ports: duplicate entries for key [port=1,protocol="TCP"]',
    ],
    [
      'a list where a map belongs',
      hello({ selector: [] as never }),
      '.spec.selector: expected map, got list',
    ],
    ['managed fields', hello({}, { managedFields: [] }), 'metadata.managedFields must be nil'],
    ['another version', { ...hello(), apiVersion: 'v2' }, 'Incorrect version specified in apply patch'],
  ])('refuses %s with 400', (_, config, message) => {
    const error = statusOf(() => apply(config));
    expect(error.code).toBe(400);
    expect(error.message).toContain(message);
  });
});

describe('apply, whatever is applied', () => {
  const label = fc.constantFrom('a', 'b', 'c');
  const port = fc.record({
    port: fc.integer({ min: 1, max: 4 }),
    protocol: fc.constantFrom('TCP', 'UDP'),
    name: fc.constantFrom('x', 'y'),
    nodePort: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
  });
  const config = fc
    .record({
      labels: fc.dictionary(label, fc.constantFrom('1', '2')),
      finalizers: fc.uniqueArray(fc.constantFrom('x/a', 'x/b', 'x/c')),
      ports: fc.uniqueArray(port, { selector: (one) => `${one.port}/${one.protocol}`, maxLength: 4 }),
      selector: fc.option(fc.dictionary(label, label), { nil: undefined }),
      type: fc.option(fc.constantFrom('ClusterIP', 'NodePort'), { nil: undefined }),
    })
    .map(
      ({ labels, finalizers, ...spec }) =>
        JSON.parse(JSON.stringify(hello(spec as JsonObject, { labels, finalizers }))) as JsonObject,
    );
  const step = fc.record({ manager: fc.constantFrom('a', 'b'), config });
  /** Empty lists and maps are applied but not stored, so that a second apply finds them missing: as upstream. */
  const storable = step.map(({ manager, config: whole }) => ({
    manager,
    config: JSON.parse(JSON.stringify(whole), (_, value) =>
      typeof value === 'object' && Object.keys(value).length === 0 ? undefined : value,
    ) as JsonObject,
  }));

  function play(steps: { manager: string; config: JsonObject }[]): core.Service | undefined {
    let live: core.Service | undefined;
    for (const one of steps) live = apply(one.config, live, { manager: one.manager, force: true }).object;
    return live;
  }

  it('is idempotent after any history', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 4 }), storable, (history, last) => {
        const once = play([...history, last])!;
        const twice = apply(last.config, once, { manager: last.manager, time: T2 });
        expect(twice.object).toEqual(once);
        expect(twice.changed).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves the object as if never applied when a lone manager applies nothing any more', () => {
    fc.assert(
      fc.property(fc.array(config, { minLength: 1, maxLength: 3 }), (configs) => {
        const nothing: JsonObject = {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'hello', namespace: 'default' },
        };
        const end = play([...configs, nothing].map((one) => ({ manager: 'a', config: one })))!;
        const fresh = apply(nothing).object;
        expect({ ...end, metadata: { ...end.metadata, managedFields: undefined } }).toEqual({
          ...fresh,
          metadata: { ...fresh.metadata, managedFields: undefined },
        });
      }),
      { numRuns: 200 },
    );
  });

  it('always yields what was applied when it is forced', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 3 }), step, (history, last) => {
        const end = play([...history, last])!;
        const wanted = last.config['metadata'] as meta.ObjectMeta;
        expect(end.metadata.labels ?? {}).toMatchObject(wanted.labels ?? {});
        const spec = last.config['spec'] as core.ServiceSpec;
        for (const one of spec.ports ?? []) {
          expect(end.spec?.ports).toContainEqual(expect.objectContaining(one));
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('apply, for hostile input', () => {
  const key = fc.constantFrom(
    'spec',
    'metadata',
    'ports',
    'port',
    'protocol',
    'labels',
    'finalizers',
    'selector',
    'managedFields',
    'status',
    '__proto__',
    'loadBalancer',
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom<unknown>(null, 'TCP', 80, -1, true, '', '1e999'),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
    ),
  }));

  function codeOf(run: () => unknown): number {
    try {
      run();
      return 200;
    } catch (error) {
      if (error instanceof StatusError) return error.code;
      throw error;
    }
  }

  it('answers any configuration with an object, 400 or 409', () => {
    const live = update(hello({ selector: { a: 'b' } }), undefined, 'one');
    fc.assert(
      fc.property(fc.dictionary(key, tree), fc.boolean(), (config, force) => {
        const before = JSON.stringify(live);
        const copy = JSON.parse(JSON.stringify(config)) as JsonObject;
        expect([200, 400, 409]).toContain(codeOf(() => apply(copy, live, { force })));
        expect(JSON.stringify(live)).toBe(before);
      }),
      { numRuns: 1000 },
    );
  });

  it('never fails over managedFields that a client wrote', () => {
    const live = update(hello(), undefined, 'one');
    const entry = fc.record(
      {
        manager: fc.string(),
        operation: fc.constantFrom('Apply', 'Update', 'X'),
        fieldsType: fc.constantFrom('FieldsV1', '', 'FieldsV2'),
        apiVersion: fc.constantFrom('v1', 'x/y'),
        fieldsV1: fc.dictionary(
          fc.constantFrom('f:spec', 'k:{"port":80}', 'k:{', 'v:1', 'i:0', '.', 'x', '__proto__'),
          fc.jsonValue({ maxDepth: 2 }),
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 3 }), (managedFields) => {
        const object = { ...live, metadata: { ...live.metadata, managedFields } } as unknown as core.Service;
        const written = track({ kind: service, manager: 'two', time: T2 }, object, live);
        expect({ ...written, metadata: { ...written.metadata, managedFields: undefined } }).toEqual({
          ...live,
          metadata: { ...live.metadata, managedFields: undefined },
        });
      }),
      { numRuns: 500 },
    );
  });

  it('tracks nothing when a list item has no identity', () => {
    const pod = kindOf('core.v1.Pod');
    const object = { metadata: { name: 'p' }, spec: { containers: [{ image: 'i' }] } } as unknown as core.Pod;
    const written = track({ kind: pod, manager: 'm', time: T1 }, object, undefined);
    expect(written).toEqual(object);
  });
});
