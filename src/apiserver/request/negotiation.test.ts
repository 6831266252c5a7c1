import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StatusError } from '#api';
import { negotiate, type Offer } from './negotiation.js';

const all: Offer = { table: true, partial: true, protobuf: true, yaml: true };
const META = ';v=v1;g=meta.k8s.io';
const TABLE = `application/json;as=Table${META}`;
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

describe('negotiate', () => {
  it.each([
    [undefined, { encoding: 'json', transform: 'none' }],
    ['*/*', { encoding: 'json' }],
    ['application/json', { encoding: 'json', contentType: 'application/json' }],
    ['application/yaml', { encoding: 'yaml', contentType: 'application/yaml' }],
    [`${PROTOBUF},application/json`, { encoding: 'json' }],
    [PROTOBUF, { encoding: 'protobuf', contentType: PROTOBUF }],
    [`${TABLE},application/json`, { transform: 'table', transformVersion: 'meta.k8s.io/v1' }],
    [TABLE.replace('v=v1', 'v=v1beta1'), { transform: 'table', transformVersion: 'meta.k8s.io/v1beta1' }],
    [TABLE.replace('Table', 'PartialObjectMetadataList'), { transform: 'partial' }],
    [
      `${PROTOBUF};as=PartialObjectMetadata${META},application/json`,
      { encoding: 'protobuf', transform: 'partial' },
    ],
    [
      `application/json;as=PartialObjectMetadata${META},${PROTOBUF}`,
      { encoding: 'json', transform: 'partial' },
    ],
    [`${PROTOBUF};as=Table${META},${TABLE}`, { encoding: 'json', transform: 'table' }],
    [`${TABLE.replace('Table', 'Poster')},application/json`, { transform: 'none' }],
    ['application/json;q=0.1,application/yaml;q=0.9', { encoding: 'yaml' }],
    ['application/json;q=0,application/yaml', { encoding: 'yaml' }],
  ])('%s', (accept, expected) => {
    expect(negotiate(accept, all)).toMatchObject(expected);
  });

  it.each([
    'image/png',
    'application/json;q=0',
    TABLE.replace('Table', 'Poster'),
    `${PROTOBUF};as=Table${META}`,
    ',',
  ])('refuses %s', (accept) => {
    expect(() => negotiate(accept, all)).toThrow(/only the following media types are accepted/);
  });

  it('refuses protobuf where there is no encoder', () => {
    expect(() => negotiate(PROTOBUF, { ...all, protobuf: false })).toThrow(StatusError);
  });

  it('answers or refuses with 406 whatever the header', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z/*;=,.q0-9 ]{0,80}$/)), (accept) => {
        try {
          expect(['json', 'yaml', 'protobuf']).toContain(negotiate(accept, all).encoding);
        } catch (error) {
          expect((error as StatusError).code).toBe(406);
        }
      }),
    );
  });
});
