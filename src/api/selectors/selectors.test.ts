import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KindRegistry } from '../schema/index.js';
import {
  checkFieldSelector,
  escapeValue,
  labelSelectorOf,
  parseFieldSelector,
  parseLabelSelector,
  SelectorError,
  selectableFieldsOf,
  selectorFromMap,
  selectorMatches,
} from './index.js';

describe('parseLabelSelector', () => {
  it.each([
    ['', {}, true],
    ['a=b', { a: 'b' }, true],
    ['a==b', { a: 'c' }, false],
    ['a!=b', {}, true],
    ['a!=b', { a: 'b' }, false],
    ['a', { a: '' }, true],
    ['!a', { a: '' }, false],
    ['! a', {}, true],
    ['a in (b,c)', { a: 'c' }, true],
    ['a in (b,c)', {}, false],
    ['a notin (b, c)', {}, true],
    ['a notin (b)', { a: 'b' }, false],
    ['a in (,b)', { a: '' }, true],
    ['a=', { a: '' }, true],
    ['a=,b=c', { a: '', b: 'c' }, true],
    ['a>5', { a: '6' }, true],
    ['a<5', { a: '6' }, false],
    ['a>5', { a: 'x' }, false],
    ['in=x', { in: 'x' }, true],
    ['in in (in)', { in: 'in' }, true],
    ['example.com/x.y = z , b', { 'example.com/x.y': 'z', b: '1' }, true],
    ['__proto__', {}, false],
    ['constructor=x', {}, false],
  ])('%j on %j is %s', (text, labels, expected) => {
    if (text.startsWith('_')) expect(() => parseLabelSelector(text)).toThrow(SelectorError);
    else expect(parseLabelSelector(text).matches(labels)).toBe(expected);
  });

  it.each([
    ['=', "found '=', expected: !, identifier, or 'end of string'"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    ['a,', "found '', expected: identifier after ','"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    [
      'a in ()',
      "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
    ],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a=!', "unable to parse requirement: found '!', expected: identifier"],
    ['!', "unable to parse requirement: found '', expected: identifier"],
    [
      'a>b',
      `unable to parse requirement: values[0]: Invalid value: "b": for 'Gt', 'Lt' operators, the value must be an integer`,
    ],
  ])('refuses %j with upstream words', (text, why) => {
    expect(() => parseLabelSelector(text)).toThrow(new SelectorError(why));
  });

  it('refuses keys and values that labels cannot have', () => {
    expect(() => parseLabelSelector('a$=b')).toThrow(
      /unable to parse requirement: <nil>: Invalid value: "a\$"/,
    );
    expect(() => parseLabelSelector('a=b$')).toThrow(/values\[0\]\[a\]: Invalid value: "b\$"/);
  });

  it('reads back what it writes with the same meaning', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9]{0,3}$/);
    const term = fc.oneof(
      word,
      word.map((k) => `!${k}`),
      fc.tuple(word, fc.constantFrom('=', '==', '!='), word).map((t) => t.join('')),
      fc
        .tuple(word, fc.constantFrom('in', 'notin'), fc.array(word, { minLength: 1, maxLength: 3 }))
        .map(([k, o, v]) => `${k} ${o} (${v.join(',')})`),
      fc.tuple(word, fc.constantFrom('>', '<'), fc.integer()).map(([k, o, v]) => `${k}${o}${Math.abs(v)}`),
    );
    fc.assert(
      fc.property(fc.array(term, { maxLength: 4 }), fc.dictionary(word, word), (terms, labels) => {
        const selector = parseLabelSelector(terms.join(','));
        const again = parseLabelSelector(selector.toString());
        expect(again.toString()).toBe(selector.toString());
        expect(again.matches(labels)).toBe(selector.matches(labels));
      }),
    );
  });

  it('never fails with anything but SelectorError', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'ab=!(),>< in/.-\\') }));
    fc.assert(
      fc.property(text, (input) => {
        for (const parse of [parseLabelSelector, parseFieldSelector]) {
          try {
            parse(input).toString();
          } catch (error) {
            expect(error).toBeInstanceOf(SelectorError);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('selectorMatches', () => {
  it('agrees with the strict form wherever that accepts the selector', () => {
    const key = fc.constantFrom('a', 'b', 'toString');
    const value = fc.constantFrom('', 'x', 'y');
    const labels = fc.dictionary(key, value);
    const requirement = fc.oneof(
      fc.record({ key, operator: fc.constantFrom('In', 'NotIn'), values: fc.array(value, { minLength: 1 }) }),
      fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
    );
    const selector = fc.record({
      matchLabels: labels,
      matchExpressions: fc.array(requirement, { maxLength: 2 }),
    });
    fc.assert(
      fc.property(fc.option(selector, { nil: undefined }), labels, (one, have) => {
        expect(selectorMatches(one, have)).toBe(labelSelectorOf(one).matches(have));
      }),
    );
  });

  it('selects nothing by an operator that does not exist', () => {
    expect(selectorMatches({ matchExpressions: [{ key: 'a', operator: 'Gt' }] }, { a: '1' })).toBe(false);
  });
});

describe('labelSelectorOf', () => {
  it('selects nothing when absent and everything when empty', () => {
    expect(labelSelectorOf(undefined).matches({ a: 'b' })).toBe(false);
    expect(labelSelectorOf({}).matches({})).toBe(true);
    expect(labelSelectorOf({}).empty).toBe(true);
    expect(labelSelectorOf(undefined).empty).toBe(false);
  });

  it('combines labels and expressions', () => {
    const selector = labelSelectorOf({
      matchLabels: { a: 'b' },
      matchExpressions: [
        { key: 'c', operator: 'NotIn', values: ['d'] },
        { key: 'e', operator: 'Exists' },
      ],
    });
    expect(selector.matches({ a: 'b', e: '' })).toBe(true);
    expect(selector.matches({ a: 'b', c: 'd', e: '' })).toBe(false);
    expect(selector.exactValue('a')).toBe('b');
    expect(() => labelSelectorOf({ matchExpressions: [{ key: 'a', operator: 'Gt' }] })).toThrow(
      '"Gt" is not a valid label selector operator',
    );
  });

  it('makes a selector of a map', () => {
    expect(selectorFromMap({ b: '2', a: '1' }).toString()).toBe('a=1,b=2');
    expect(selectorFromMap({ toString: 'x' }).matches({})).toBe(false);
  });
});

describe('field selectors', () => {
  const registry = new KindRegistry();
  const pods = registry.byResource('', 'v1', 'pods')!;

  it('matches equal and unequal values, absent ones as empty', () => {
    const selector = parseFieldSelector('spec.nodeName=n1,status.phase!=Failed');
    expect(selector.matches({ 'spec.nodeName': 'n1', 'status.phase': 'Running' })).toBe(true);
    expect(selector.matches({ 'spec.nodeName': 'n1', 'status.phase': 'Failed' })).toBe(false);
    expect(parseFieldSelector('a=').matches({})).toBe(true);
    expect(selector.exactValue('spec.nodeName')).toBe('n1');
  });

  it('escapes and unescapes values', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(parseFieldSelector(`a=${escapeValue(value)}`).requirements).toEqual([
          { field: 'a', operator: '=', value },
        ]);
      }),
    );
  });

  it('refuses what it cannot read', () => {
    expect(() => parseFieldSelector('abc')).toThrow("invalid selector: 'abc'; can't understand 'abc'");
    expect(() => parseFieldSelector('a=\\x')).toThrow(SelectorError);
  });

  it('knows the fields of each kind and words the others as upstream', () => {
    checkFieldSelector(pods, parseFieldSelector('spec.nodeName=x,metadata.name=y'));
    expect(() => checkFieldSelector(pods, parseFieldSelector('spec.foo=x'))).toThrow(
      'field label not supported: spec.foo',
    );
    expect(() =>
      checkFieldSelector(registry.byResource('', 'v1', 'configmaps')!, parseFieldSelector('spec.foo=x')),
    ).toThrow('"spec.foo" is not a known field selector: only "metadata.name", "metadata.namespace"');
  });

  it('reads the values from objects', () => {
    const pod = {
      metadata: { name: 'p', namespace: 'n' },
      spec: { nodeName: 'a', containers: [] },
      status: { podIPs: [{ ip: '1.1.1.1' }] },
    };
    expect(selectableFieldsOf(pods, pod)).toMatchObject({
      'metadata.name': 'p',
      'metadata.namespace': 'n',
      'spec.nodeName': 'a',
      'spec.hostNetwork': 'false',
      'status.phase': '',
      'status.podIPs': '1.1.1.1',
    });
    const nodes = registry.byResource('', 'v1', 'nodes')!;
    expect(selectableFieldsOf(nodes, { metadata: { name: 'x' } })).toEqual({
      'metadata.name': 'x',
      'spec.unschedulable': 'false',
    });
  });
});
