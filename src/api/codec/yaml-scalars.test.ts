import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseYaml } from './yaml.js';
import { encodeYaml } from './yaml-encode.js';

describe('plain YAML scalars as go-yaml v2 reads them', () => {
  it.each([
    ['y', true],
    ['Yes', true],
    ['on', true],
    ['TRUE', true],
    ['n', false],
    ['off', false],
    ['No', false],
    ['~', null],
    ['null', null],
    ['', null],
    ['0777', 511],
    ['0o17', 15],
    ['0x1F', 31],
    ['0b101', 5],
    ['08', 8],
    ['1_000', 1000],
    ['-7', -7],
    ['+12', 12],
    ['1.5', 1.5],
    ['1e3', 1000],
    ['.5', 0.5],
    ['1:30', '1:30'],
    ['2024-01-02', '2024-01-02'],
    ['2024-01-02T03:04:05Z', '2024-01-02T03:04:05Z'],
    ['10.0.0.1', '10.0.0.1'],
    ['yEs', 'yEs'],
    ['"yes"', 'yes'],
    ["'1'", '1'],
    ['!!str 5', '5'],
    ['! 5', '5'],
    ['!!int "3"', 3],
    ['<<', '<<'],
    ['1Gi', '1Gi'],
  ])('%s is %j', (text, expected) => {
    expect(parseYaml(Buffer.from(`- ${text}\n`)).value).toEqual([expected]);
  });

  it('turns keys into strings, also a bare n', () => {
    expect(parseYaml(Buffer.from('n: 1\n5: 2\n1.5: 3\nyes: 4\n')).value).toEqual({
      false: 1,
      '5': 2,
      '1.5': 3,
      true: 4,
    });
  });

  it('merges << without overriding, resolves aliases to the last anchor, and takes a leading ---', () => {
    const text = '---\nbase: &b {a: 1, b: 2}\nother: &b {a: 9}\nuse:\n  <<: *b\n  c: 3\n---\n';
    expect(parseYaml(Buffer.from(text)).value).toMatchObject({ use: { a: 9, c: 3 } });
    expect(parseYaml(Buffer.from('x: {<<: [{a: 1}, {a: 2, b: 3}], b: 4}')).value).toEqual({
      x: { a: 1, b: 4 },
    });
  });

  it('keeps __proto__ an ordinary key', () => {
    const { value } = parseYaml(Buffer.from('__proto__:\n  x: 1\n'));
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value as object)).toEqual(['__proto__']);
  });
});

describe('encodeYaml', () => {
  it('sorts keys and quotes what a YAML 1.1 reader would misread', () => {
    const value = {
      b: 'yes',
      a: ['0777', '0o17', '1_000', '1:30', '', 'null', 'n', '~', 'plain'],
      c: { on: 1 },
    };
    expect(encodeYaml(value).toString()).toBe(
      'a:\n  - "0777"\n  - "0o17"\n  - "1_000"\n  - "1:30"\n  - ""\n  - "null"\n  - "n"\n  - "~"\n  - plain\nb: "yes"\nc:\n  "on": 1\n',
    );
  });

  it('writes what reads back as the same value', () => {
    const word = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        'yes',
        'No',
        '<<',
        'on',
        '0x1F',
        '08',
        '.inf',
        '1e3',
        '- a',
        'a: b',
        '# c',
        'x\ny',
        ' lead',
        'trail ',
        '|',
        '>',
        '&a',
        '*a',
        '!t',
        '%d',
        '@',
        '`',
      ),
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        word,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(word, tie('any'), { maxKeys: 3 }),
      ),
    })).any;
    fc.assert(
      fc.property(fc.dictionary(word, value), (input) => {
        expect(parseYaml(encodeYaml(input)).value).toEqual(input);
      }),
      { numRuns: 500 },
    );
  });
});
