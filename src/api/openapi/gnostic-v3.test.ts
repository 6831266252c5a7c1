import { expect, it } from 'vitest';
import { WireReader } from '../codec/protobuf-wire.js';
import { KindRegistry } from '../schema/index.js';
import { createOpenApi } from './index.js';

/**
 * What a document may hold, by the numbers of gnostic's `openapiv3/OpenAPIv3.proto`. A field is `name type`; `[]` stands
 * for a repeated one, `{}` for a repeated pair of name and value. A field without a name is all that its message says.
 */
const MESSAGES: Readonly<Record<string, Record<number, string>>> = {
  Document: { 1: 'openapi string', 2: 'info Info', 4: 'paths Paths', 5: 'components Components' },
  Info: { 1: 'title string', 6: 'version string' },
  Paths: { 1: ' {}PathItem' },
  PathItem: {
    4: 'get Operation',
    5: 'put Operation',
    6: 'post Operation',
    7: 'delete Operation',
    10: 'patch Operation',
    13: 'parameters []ParameterOrReference',
  },
  Operation: {
    3: 'description string',
    5: 'operationId string',
    6: 'parameters []ParameterOrReference',
    7: 'requestBody RequestBodyOrReference',
    8: 'responses Responses',
    13: ' {}Any',
  },
  ParameterOrReference: { 1: ' Parameter' },
  Parameter: {
    1: 'name string',
    2: 'in string',
    3: 'description string',
    4: 'required bool',
    10: 'schema SchemaOrReference',
  },
  RequestBodyOrReference: { 1: ' RequestBody' },
  RequestBody: { 2: 'content MediaTypes', 3: 'required bool' },
  Responses: { 2: ' {}ResponseOrReference' },
  ResponseOrReference: { 1: ' Response' },
  Response: { 1: 'description string', 3: 'content MediaTypes' },
  MediaTypes: { 1: ' {}MediaType' },
  MediaType: { 1: 'schema SchemaOrReference' },
  Components: { 1: 'schemas SchemasOrReferences' },
  SchemasOrReferences: { 1: ' {}SchemaOrReference' },
  SchemaOrReference: { 1: ' Schema', 2: ' Reference' },
  Reference: { 1: '$ref string' },
  Schema: {
    20: 'uniqueItems bool',
    23: 'required []string',
    25: 'type string',
    26: 'allOf []SchemaOrReference',
    27: 'oneOf []SchemaOrReference',
    30: 'items ItemsItem',
    31: 'properties Properties',
    32: 'additionalProperties ItemsItem',
    33: 'default DefaultType',
    34: 'description string',
    35: 'format string',
    36: ' {}Any',
  },
  ItemsItem: { 1: ' SchemaOrReference' },
  Properties: { 1: ' {}SchemaOrReference' },
  DefaultType: { 1: ' double', 2: ' bool', 3: ' string' },
  Any: { 2: ' yaml' },
};

type Plain = Record<string, unknown>;

function readValue(reader: WireReader, type: string): unknown {
  if (type === 'string') return reader.string();
  if (type === 'yaml') return JSON.parse(reader.string());
  if (type === 'bool') return reader.bool();
  if (type === 'double') return reader.double();
  return readMessage(reader.message(), type);
}

function readPair(reader: WireReader, type: string): Plain {
  const pair: { name: string; value: unknown } = { name: '', value: undefined };
  while (!reader.done) {
    if (reader.tag().number === 1) pair.name = reader.string();
    else pair.value = readValue(reader, type);
  }
  return { [pair.name]: pair.value };
}

function readMessage(reader: WireReader, message: string): unknown {
  const found: Plain = {};
  while (!reader.done) {
    const { number } = reader.tag();
    const [name, type] = MESSAGES[message]![number]!.split(' ') as [string, string];
    if (type.startsWith('{}')) Object.assign(found, readPair(reader.message(), type.slice(2)));
    else if (type.startsWith('[]'))
      found[name] = [...((found[name] ?? []) as unknown[]), readValue(reader, type.slice(2))];
    else if (name === '') return readValue(reader, type);
    else found[name] = readValue(reader, type);
  }
  return found;
}

const openApi = createOpenApi(new KindRegistry());

it.each(new KindRegistry().groupVersions())(
  'the protobuf form of the document of %s says what the JSON says',
  (groupVersion) => {
    const json = openApi.v3(groupVersion)!;
    const { bytes, hash } = openApi.v3Protobuf(groupVersion)!;
    expect(readMessage(new WireReader(bytes), 'Document')).toEqual(JSON.parse(json.bytes.toString()));
    expect(hash).toBe(json.hash);
  },
);

it('there is no protobuf form of a document that is not there', () => {
  expect(openApi.v3Protobuf('nope/v1')).toBeUndefined();
});
