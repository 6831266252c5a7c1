import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kinds, message, pruneAndCheck, SchemaError } from './index.js';
import { damagedOf, structOf } from './testing/arbitrary.js';

const service = message('core.v1.Service');
const pod = message('core.v1.Pod');

describe('pruneAndCheck', () => {
  it('drops and reports unknown fields with their indexes', () => {
    const { object, unknown } = pruneAndCheck(
      { spec: { foo: 1, ports: [{ port: 80 }, { port: 81, bar: { deep: 1 } }] } },
      service,
    );
    expect(unknown).toEqual(['spec.foo', 'spec.ports[1].bar']);
    expect(object).toEqual({
      metadata: {},
      spec: {
        ports: [
          { port: 80, targetPort: 0 },
          { port: 81, targetPort: 0 },
        ],
      },
      status: { loadBalancer: {} },
    });
  });

  it('treats null as absent and zero values as Go does', () => {
    const { object } = pruneAndCheck(
      {
        metadata: { name: 'a', labels: {}, generation: 0, creationTimestamp: null },
        spec: { replicas: 0, paused: false, selector: null, template: { spec: { containers: [] } } },
      },
      message('apps.v1.Deployment'),
    );
    expect(object).toEqual({
      metadata: { name: 'a' },
      spec: { replicas: 0, strategy: {}, template: { metadata: {}, spec: { containers: [] } } },
      status: {},
    });
  });

  it('writes null for the lists of an EndpointSlice and the times of an Event that are absent', () => {
    expect(pruneAndCheck({ addressType: 'IPv4' }, message('discovery.v1.EndpointSlice')).object).toEqual({
      metadata: {},
      addressType: 'IPv4',
      endpoints: null,
      ports: null,
    });
    expect(pruneAndCheck({}, message('core.v1.Event')).object).toMatchObject({
      eventTime: null,
      firstTimestamp: null,
      source: {},
      reportingComponent: '',
    });
  });

  it('keeps "80" and 80 apart and makes quantities and times canonical', () => {
    const { object } = pruneAndCheck(
      {
        metadata: { creationTimestamp: '2024-01-02T03:04:05.678+01:00' },
        spec: {
          containers: [
            {
              name: 'c',
              resources: { requests: { cpu: 0.5, memory: '1024Mi' } },
              livenessProbe: { httpGet: { port: '80' }, periodSeconds: 0 },
              readinessProbe: { tcpSocket: { port: 80 } },
            },
          ],
        },
      },
      pod,
    );
    expect(object).toMatchObject({
      metadata: { creationTimestamp: '2024-01-02T02:04:05Z' },
      spec: {
        containers: [
          {
            resources: { requests: { cpu: '500m', memory: '1Gi' } },
            livenessProbe: { httpGet: { port: '80' } },
            readinessProbe: { tcpSocket: { port: 80 } },
          },
        ],
      },
    });
  });

  it.each([
    [
      { spec: { ports: [{ port: 'x' }] } },
      'json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32',
    ],
    [
      { spec: { ports: 5 } },
      'json: cannot unmarshal number into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort',
    ],
    [
      { spec: { type: 5 } },
      'json: cannot unmarshal number into Go struct field ServiceSpec.spec.type of type v1.ServiceType',
    ],
    [
      { spec: { ipFamilies: 'IPv4' } },
      'json: cannot unmarshal string into Go struct field ServiceSpec.spec.ipFamilies of type []v1.IPFamily',
    ],
    [
      { metadata: { creationTimestamp: 5 } },
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string',
    ],
    [{ spec: [] }, 'json: cannot unmarshal array into Go struct field Service.spec of type v1.ServiceSpec'],
    [
      { metadata: { labels: { a: 1 } } },
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [
      { spec: { clusterIPs: [true] } },
      'json: cannot unmarshal bool into Go struct field ServiceSpec.spec.clusterIPs of type string',
    ],
    [
      { spec: { ports: [{ port: 1.5 }] } },
      'json: cannot unmarshal number 1.5 into Go struct field ServicePort.spec.ports.port of type int32',
    ],
    [
      { spec: { ports: [{ port: 3000000000 }] } },
      'json: cannot unmarshal number 3000000000 into Go struct field ServicePort.spec.ports.port of type int32',
    ],
    [
      { spec: { ports: [{ targetPort: {} }] } },
      'json: cannot unmarshal object into Go struct field ServicePort.spec.ports.targetPort of type int32',
    ],
  ])('says what Go says of %j', (input, text) => {
    expect(() => pruneAndCheck(input, service)).toThrow(new SchemaError(text));
  });

  it('is not fooled by __proto__ and keeps it as an ordinary label', () => {
    const input = JSON.parse(
      '{"__proto__":{"polluted":1},"metadata":{"labels":{"__proto__":"x","constructor":"y"}},"spec":{"__proto__":[]}}',
    );
    const { object, unknown } = pruneAndCheck<{ metadata: { labels: object } }>(input, service);
    expect(unknown).toEqual(['__proto__', 'spec.__proto__']);
    expect(JSON.stringify(object.metadata.labels)).toBe('{"__proto__":"x","constructor":"y"}');
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(object.metadata.labels)).toBe(Object.prototype);
  });

  it('refuses nesting without end', () => {
    let deep: unknown = {};
    for (let i = 0; i < 5000; i++) deep = { a: deep };
    expect(() => pruneAndCheck({ data: deep }, message('apps.v1.ControllerRevision'))).toThrow(SchemaError);
  });

  it('changes nothing the second time, and never throws anything but SchemaError', () => {
    const names = fc.constantFrom(
      'metadata',
      'spec',
      'status',
      'ports',
      'port',
      'containers',
      'name',
      'labels',
      'template',
      'selector',
      'resources',
      'limits',
      'cpu',
      'env',
      'rules',
      'endpoints',
      'addresses',
      'conditions',
      '__proto__',
      'data',
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 6 },
        fc.constantFrom('', 'a', '1', '1Gi', 0, 1, 80, 1.5, true, false, null, 1e20, '2024-01-02T03:04:05Z'),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(names, tie('any'), { maxKeys: 5 }),
      ),
    })).any;
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.dictionary(names, value), (kind, input) => {
        const schema = message(kind.message);
        try {
          const once = pruneAndCheck(input, schema).object;
          const twice = pruneAndCheck(once, schema);
          expect(twice.unknown).toEqual([]);
          expect(twice.object).toEqual(once);
        } catch (error) {
          expect(error).toBeInstanceOf(SchemaError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('keeps every valid object of every kind as it is', () => {
    for (const kind of kinds) {
      const schema = message(kind.message);
      fc.assert(
        fc.property(structOf(schema), (input) => {
          const { object, unknown } = pruneAndCheck(input, schema);
          expect(unknown).toEqual([]);
          expect(pruneAndCheck(object, schema).object).toEqual(object);
        }),
        { numRuns: 20 },
      );
    }
  });

  it('takes or refuses damaged objects of every kind, never anything else', () => {
    for (const kind of kinds) {
      const schema = message(kind.message);
      fc.assert(
        fc.property(damagedOf(schema), (input) => {
          try {
            const { object } = pruneAndCheck(input, schema);
            expect(pruneAndCheck(object, schema).object).toEqual(object);
          } catch (error) {
            expect(error).toBeInstanceOf(SchemaError);
          }
        }),
        { numRuns: 30 },
      );
    }
  });
});
