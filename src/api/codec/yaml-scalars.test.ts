import { describe, expect, it } from 'vitest';
import { parseYaml } from './yaml.js';

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
