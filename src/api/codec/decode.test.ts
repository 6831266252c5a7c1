import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type KindInfo, KindRegistry, kinds, message } from '../schema/index.js';
import { damagedOf, structOf } from '../schema/testing/arbitrary.js';
import { StatusError } from '../status.js';
import {
  decodeDeleteOptions,
  decodeObject,
  encodeProtobuf,
  type FieldValidation,
  MEDIA_PROTOBUF,
  MEDIA_YAML,
} from './index.js';

const registry = new KindRegistry();
const service = registry.byKind('', 'v1', 'Service')!;
const deployment = registry.byKind('apps', 'v1', 'Deployment')!;

function decode(
  text: string,
  kind: KindInfo,
  fieldValidation: FieldValidation = 'Warn',
  type = 'application/json',
) {
  return decodeObject(Buffer.from(text), type, { kind, fieldValidation });
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(StatusError);
    expect((error as StatusError).code).toBe(400);
    return (error as StatusError).message;
  }
  throw new Error('was not refused');
}

describe('decodeObject with JSON', () => {
  it('fills in apiVersion and kind and prunes', () => {
    const { object, warnings } = decode('{"metadata":{"name":"a"},"spec":{"x":1}}', service);
    expect(object).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'a' },
      spec: {},
      status: { loadBalancer: {} },
    });
    expect(warnings).toEqual(['unknown field "spec.x"']);
  });

  it.each(['1.0', '1e2', '9007199254740993', '-9223372036854775809'])(
    'refuses %s for an integer, whatever validation is asked for',
    (number) => {
      for (const validation of ['Ignore', 'Warn', 'Strict'] as const) {
        expect(refusal(() => decode(`{"spec":{"healthCheckNodePort":${number}}}`, service, validation))).toBe(
          'Service in version "v1" cannot be handled as a Service: json: cannot unmarshal number ' +
            `${number} into Go struct field ServiceSpec.spec.healthCheckNodePort of type int32`,
        );
      }
    },
  );

  it('takes every integer that a double holds exactly', () => {
    const { object } = decode('{"metadata":{"generation":-9007199254740991}}', service);
    expect(object.metadata.generation).toBe(-9007199254740991);
  });

  it('reports unknown and duplicate fields in document order, unknown ones once', () => {
    const text = `{"spec":{"unknown1":1,"unknownDupe":1,"unknownDupe":2,"paused":true,"paused":false,"template":{"spec":
      {"containers":[{"name":"a","unknownNested":{"x":1,"x":2},"imagePullPolicy":"Always","imagePullPolicy":"Never"}]}}}}`;
    expect(refusal(() => decode(text, deployment, 'Strict'))).toBe(
      'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ' +
        'unknown field "spec.unknown1", unknown field "spec.unknownDupe", duplicate field "spec.paused", ' +
        'unknown field "spec.template.spec.containers[0].unknownNested", ' +
        'duplicate field "spec.template.spec.containers[0].imagePullPolicy"',
    );
    expect(decode(text, deployment, 'Warn').warnings).toHaveLength(5);
    expect(decode(text, deployment, 'Ignore')).toMatchObject({ warnings: [], strictErrors: [] });
  });

  it('finds duplicate map keys and reads escaped keys', () => {
    const text = '{"metadata":{"labels":{"a":"1","\\u0061":"2"}}}';
    expect(decode(text, service).warnings).toEqual(['duplicate field "metadata.labels.a"']);
  });

  it.each([
    ['', 'unexpected end of JSON input (<empty>)'],
    ['{"a":1,}', `invalid character '}' looking for beginning of object key string ({"a":1,})`],
    ['{"a" 1}', `invalid character '1' after object key ({"a" 1})`],
    ['{"a":[1 2]}', `invalid character '2' after array element ({"a":[1 2]})`],
    ['{"a":tru}', `invalid character '}' in literal true (expecting 'e') ({"a":tru})`],
    ['{"a":"\n"}', `invalid character '\\n' in string literal ({"a":"\n"})`],
    ['{"a":01}', `invalid character '1' after object key:value pair ({"a":01})`],
    ['{} x', `invalid character 'x' after top-level value ({} x)`],
  ])('says what Go says of %j', (text, why) => {
    expect(refusal(() => decode(text, service))).toBe(
      `the object provided is unrecognized (must be of type Service): couldn't get version/kind; json parse error: ${why}`,
    );
  });

  it('names the struct field whose type is wrong', () => {
    expect(refusal(() => decode('{"spec":{"ports":[{"port":"x"}]}}', service))).toBe(
      'Service in version "v1" cannot be handled as a Service: json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32',
    );
  });

  it('refuses other kinds with the words for kinds it knows and does not know', () => {
    expect(refusal(() => decode('{"kind":"Pod","apiVersion":"v1"}', service))).toBe(
      'Pod in version "v1" cannot be handled as a Service: converting (v1.Pod) to (core.Service): unknown conversion',
    );
    expect(refusal(() => decode('{"kind":"Foo","apiVersion":"x/v2"}', service))).toContain(
      'Foo in version "v2" cannot be handled as a Service: no kind "Foo" is registered for version "x/v2"',
    );
    expect(
      refusal(() =>
        decode('{"kind":"Event","apiVersion":"v1"}', registry.byResource('events.k8s.io', 'v1', 'events')!),
      ),
    ).toBe('the API version in the data (v1) does not match the expected API version (events.k8s.io/v1)');
  });

  it('refuses nesting beyond the bound without running out of stack', () => {
    expect(refusal(() => decode(`${'{"a":'.repeat(100_000)}1`, service))).toContain('exceeded max depth');
  });

  it('answers 415 for other encodings', () => {
    expect(() => decode('{}', service, 'Warn', 'application/xml')).toThrow(
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    );
  });
});

describe('decodeDeleteOptions', () => {
  it('takes the options under any group and version, and no body', () => {
    const body =
      '{"kind":"DeleteOptions","apiVersion":"apps/v1","gracePeriodSeconds":0,"propagationPolicy":"Foreground"}';
    expect(decodeDeleteOptions(Buffer.from(body), undefined)).toMatchObject({
      gracePeriodSeconds: 0,
      propagationPolicy: 'Foreground',
    });
    expect(decodeDeleteOptions(Buffer.alloc(0), undefined)).toEqual({});
    expect(
      refusal(() => decodeDeleteOptions(Buffer.from('{"kind":"Pod","apiVersion":"v1"}'), 'application/json')),
    ).toContain('as a DeleteOptions');
  });
});

describe('decodeObject with YAML', () => {
  const yaml = (text: string, validation: FieldValidation = 'Warn') =>
    decode(text, service, validation, MEDIA_YAML);

  it('reads a document and reports duplicates before unknown fields', () => {
    const text =
      'apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  name: b\nspec:\n  foo: 1\n  ports:\n  - port: 80\n    targetPort: "80"\n';
    const { object, warnings } = yaml(text);
    expect(object).toMatchObject({
      metadata: { name: 'b' },
      spec: { ports: [{ port: 80, targetPort: '80' }] },
    });
    expect(warnings).toEqual([
      'yaml: unmarshal errors:\n  line 5: key "name" already set in map',
      'unknown field "spec.foo"',
    ]);
  });

  it('takes JSON too, with the errors of JSON', () => {
    expect(yaml('{"spec":{"foo":1,"type":"a","type":"b"}}').warnings).toEqual([
      'unknown field "spec.foo"',
      'duplicate field "spec.type"',
    ]);
  });

  it.each([
    'a: *x\n',
    'a: &x [*x]\n',
    'a: !foo b\n',
    '%FOO\n---\na: 1\n',
    'a: b: c\n',
    '- a\n',
    '[[[[',
    '? [a]\n: b\n',
    'metadata: {generation: .inf}\n',
  ])('refuses %j', (text) => {
    refusal(() => yaml(text));
  });

  it('reads the first of several documents and nothing of the others', () => {
    const { object } = yaml('metadata: {name: a}\n---\nmetadata: {name: b}\n--- [[[\n');
    expect(object.metadata.name).toBe('a');
  });

  it('takes whole numbers in any notation for integers', () => {
    expect(yaml('spec: {healthCheckNodePort: 1e2}\n').object).toMatchObject({
      spec: { healthCheckNodePort: 100 },
    });
    expect(yaml('{"spec":{"healthCheckNodePort":1.0}}').object).toMatchObject({
      spec: { healthCheckNodePort: 1 },
    });
  });

  it('refuses growth through aliases', () => {
    const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 10; i++) lines.push(`a${i}: &a${i} [${`*a${i - 1},`.repeat(10)}]`);
    expect(refusal(() => yaml(lines.join('\n')))).toContain('excessive aliasing');
  });

  it('refuses nesting without end', () => {
    refusal(() => yaml('['.repeat(20_000)));
  });
});

/** Adds a field to the object that the numbers lead to. */
function addStray(target: object, path: number[], name: string, value: unknown): void {
  const inner = Object.values(target).filter((one) => typeof one === 'object' && one !== null);
  if (path.length > 0 && inner.length > 0) {
    addStray(inner[path[0]! % inner.length], path.slice(1), name, value);
  } else if (!Array.isArray(target)) {
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  }
}

/** The same document in YAML that is not JSON. */
function yamlOf(json: string): string {
  return stringify(JSON.parse(json), {
    version: '1.1',
    defaultStringType: 'QUOTE_DOUBLE',
    aliasDuplicateObjects: false,
  });
}

describe('decodeObject with anything', () => {
  const kind = fc.constantFrom(...kinds);
  const validation = fc.constantFrom<FieldValidation>('Ignore', 'Warn', 'Strict');

  function expectRefusalOrObject(
    bytes: Buffer,
    type: string,
    of: KindInfo,
    fieldValidation: FieldValidation,
  ): void {
    try {
      const { object } = decodeObject(bytes, type, { kind: of, fieldValidation });
      expect(object.kind).toBe(of.kind);
      expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      expect(error.code).toBe(400);
    }
  }

  it('never fails with anything but 400 for JSON', () => {
    const bytes = fc.oneof(
      fc.json({ maxDepth: 5 }),
      fc.string({ unit: fc.constantFrom(...'{}[]",:0123456789.eE-+\\untrflase \n') }),
    );
    fc.assert(
      fc.property(bytes, kind, validation, (text, of, how) =>
        expectRefusalOrObject(Buffer.from(text), 'application/json', of, how),
      ),
      { numRuns: 500 },
    );
  });

  it('judges what it need not scan exactly as what it scans', () => {
    const stray = fc.record({
      path: fc.array(fc.nat(), { maxLength: 5 }),
      name: fc.constantFrom('stray', '__proto__', '7', 'é'),
      value: fc.jsonValue({ maxDepth: 2 }),
    });
    const input = kind.chain((of) =>
      fc
        .tuple(
          fc.oneof(structOf(message(of.message)), damagedOf(message(of.message))),
          fc.array(stray, { maxLength: 3 }),
        )
        .map(([raw, strays]) => {
          for (const one of strays) addStray(raw, one.path, one.name, one.value);
          return { of, raw };
        }),
    );
    const outcome = (text: string, of: KindInfo, how: FieldValidation) => {
      try {
        return decode(text, of, how);
      } catch (error) {
        // The quoted start of the body differs by the space.
        return (error as Error).message.replace(/ \([^(]*\)$/, '');
      }
    };
    fc.assert(
      fc.property(input, validation, ({ of, raw }, how) => {
        const text = JSON.stringify(raw);
        expect(outcome(text, of, how)).toEqual(outcome(`${text} `, of, how));
        expect(outcome(`${text}\n`, of, how)).toEqual(outcome(`${text} `, of, how));
      }),
      { numRuns: 300 },
    );
  });

  it('refuses nesting without end in fields that it does not know', () => {
    const nested = (levels: number) => `{"stray":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    expect(decode(nested(999), service).warnings).toEqual(['unknown field "stray"']);
    for (const levels of [1000, 100_000]) {
      expect(refusal(() => decode(nested(levels), service))).toContain('exceeded max depth');
    }
  });

  it('finds nothing strict in valid objects and the same object whatever the encoding', () => {
    const input = kind.chain((of) => structOf(message(of.message)).map((raw) => ({ of, raw })));
    fc.assert(
      fc.property(input, ({ of, raw }) => {
        const text = JSON.stringify(raw);
        const json = decode(text, of, 'Strict').object;
        expect(decode(` ${text}`, of, 'Strict', MEDIA_YAML).object).toEqual(json);
        expect(decode(yamlOf(text), of, 'Strict', MEDIA_YAML).object).toEqual(json);
      }),
      { numRuns: 200 },
    );
  });

  it('never fails with anything but 400 for YAML', () => {
    const text = fc.oneof(
      fc.json({ maxDepth: 4 }),
      fc.string({ unit: fc.constantFrom(...'ab:-?&*!|>%@`#{}[],"\'<=~01 \n\t') }),
    );
    fc.assert(
      fc.property(text, kind, validation, (document, of, how) =>
        expectRefusalOrObject(Buffer.from(document), MEDIA_YAML, of, how),
      ),
      { numRuns: 500 },
    );
  });

  it('never fails with anything but 400 for protobuf', () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.uint8Array({ maxLength: 60 }).map((rest) => Buffer.concat([Buffer.from('k8s\0'), rest])),
      fc
        .uint8Array({ maxLength: 120 })
        .map((raw) => Buffer.concat([Buffer.from('k8s\0'), Buffer.of(0x12, raw.length), raw])),
    );
    fc.assert(
      fc.property(body, kind, validation, (bytes, of, how) =>
        expectRefusalOrObject(Buffer.from(bytes), MEDIA_PROTOBUF, of, how),
      ),
      { numRuns: 1000 },
    );
  });

  it('survives every truncation and every flipped byte of a real protobuf body', () => {
    const bytes = encodeProtobuf(
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'a', labels: { x: 'y' } },
        spec: { ports: [{ port: 80, targetPort: 'http' }] },
      } as never,
      message(service.message),
    );
    for (let i = 0; i < bytes.length; i++) {
      expectRefusalOrObject(bytes.subarray(0, i), MEDIA_PROTOBUF, service, 'Strict');
      for (const flip of [1, 0x80, 0xff]) {
        const damaged = Buffer.from(bytes);
        damaged[i]! ^= flip;
        expectRefusalOrObject(damaged, MEDIA_PROTOBUF, service, 'Strict');
      }
    }
  });
});
