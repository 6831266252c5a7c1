import { WireWriter } from '../codec/protobuf-wire.js';
import { writeExtensions } from './gnostic.js';
import type { Schema } from './schemas.js';

type Write = (writer: WireWriter, value: Schema) => void;

/**
 * Encodes an OpenAPI 3 document as gnostic's `openapi.v3.Document`. Source of the numbers: gnostic
 * `openapiv3/OpenAPIv3.proto`. Covers what `buildV3` writes.
 */
export function encodeOpenApi3(document: Schema): Buffer {
  const writer = new WireWriter();
  writer.string(1, document['openapi'] as string);
  const info = document['info'] as Schema;
  writer.message(2, () => {
    writer.string(1, info['title'] as string);
    writer.string(6, info['version'] as string);
  });
  writer.message(4, () => writeNamed(writer, 1, document['paths'], writePathItem));
  const { schemas } = document['components'] as Schema;
  writer.message(5, () => writer.message(1, () => writeNamed(writer, 1, schemas, writeSchemaOrReference)));
  return writer.finish();
}

/** A map as gnostic writes it: repeated (name, value) messages under one number. */
function writeNamed(writer: WireWriter, number: number, map: unknown, write: Write): void {
  for (const [name, value] of Object.entries(map as Schema)) {
    writer.message(number, () => {
      writer.string(1, name);
      writer.message(2, () => write(writer, value as Schema));
    });
  }
}

const METHODS = { get: 4, put: 5, post: 6, delete: 7, patch: 10 } as const;

function writePathItem(writer: WireWriter, item: Schema): void {
  for (const [method, number] of Object.entries(METHODS)) {
    const operation = item[method];
    if (operation !== undefined) writer.message(number, () => writeOperation(writer, operation as Schema));
  }
  writeParameters(writer, 13, item['parameters']);
}

function writeOperation(writer: WireWriter, operation: Schema): void {
  writer.string(3, operation['description'] as string);
  writer.string(5, operation['operationId'] as string);
  writeParameters(writer, 6, operation['parameters'] ?? []);
  const body = operation['requestBody'] as Schema | undefined;
  if (body !== undefined) {
    writer.message(7, () => writer.message(1, () => writeRequestBody(writer, body)));
  }
  writer.message(8, () => writeNamed(writer, 2, operation['responses'], writeResponse));
  writeExtensions(writer, 13, operation);
}

/** ParameterOrReference { Parameter }. */
function writeParameters(writer: WireWriter, number: number, parameters: unknown): void {
  for (const parameter of parameters as Schema[]) {
    writer.message(number, () => writer.message(1, () => writeParameter(writer, parameter)));
  }
}

function writeParameter(writer: WireWriter, parameter: Schema): void {
  writer.string(1, parameter['name'] as string);
  writer.string(2, parameter['in'] as string);
  writer.string(3, parameter['description'] as string);
  if (parameter['required'] === true) writer.varint(4, 1);
  writer.message(10, () => writeSchemaOrReference(writer, parameter['schema'] as Schema));
}

function writeRequestBody(writer: WireWriter, body: Schema): void {
  writer.message(2, () => writeNamed(writer, 1, body['content'], writeMediaType));
  if (body['required'] === true) writer.varint(3, 1);
}

/** ResponseOrReference { Response }. */
function writeResponse(writer: WireWriter, response: Schema): void {
  writer.message(1, () => {
    writer.string(1, response['description'] as string);
    const { content } = response;
    if (content !== undefined) writer.message(3, () => writeNamed(writer, 1, content, writeMediaType));
  });
}

function writeMediaType(writer: WireWriter, type: Schema): void {
  writer.message(1, () => writeSchemaOrReference(writer, type['schema'] as Schema));
}

function writeSchemaOrReference(writer: WireWriter, schema: Schema): void {
  const { $ref } = schema;
  if ($ref === undefined) writer.message(1, () => writeSchema(writer, schema));
  else writer.message(2, () => writer.string(1, $ref as string));
}

function writeSchema(writer: WireWriter, schema: Schema): void {
  const { type, items, properties, additionalProperties: rest, description, format } = schema;
  if (schema['uniqueItems'] === true) writer.varint(20, 1);
  for (const name of (schema['required'] ?? []) as string[]) writer.string(23, name);
  if (type !== undefined) writer.string(25, type as string);
  writeSchemas(writer, 26, schema['allOf']);
  writeSchemas(writer, 27, schema['oneOf']);
  if (items !== undefined) writer.message(30, () => writeSchemas(writer, 1, [items]));
  if (properties !== undefined) {
    writer.message(31, () => writeNamed(writer, 1, properties, writeSchemaOrReference));
  }
  if (rest !== undefined) writer.message(32, () => writeSchemas(writer, 1, [rest]));
  if (schema['default'] !== undefined) writer.message(33, () => writeDefault(writer, schema['default']));
  if (description !== undefined) writer.string(34, description as string);
  if (format !== undefined) writer.string(35, format as string);
  writeExtensions(writer, 36, schema);
}

function writeSchemas(writer: WireWriter, number: number, schemas: unknown): void {
  for (const schema of (schemas ?? []) as Schema[]) {
    writer.message(number, () => writeSchemaOrReference(writer, schema));
  }
}

/** Objects have no place there; gnostic leaves the message empty for them. */
function writeDefault(writer: WireWriter, value: unknown): void {
  if (typeof value === 'number') writer.double(1, value);
  else if (typeof value === 'boolean') writer.varint(2, value ? 1 : 0);
  else if (typeof value === 'string') writer.string(3, value);
}
