import { WireWriter } from '../codec/protobuf-wire.js';
import type { Schema } from './schemas.js';

/**
 * Encodes a Swagger 2 document as gnostic's `openapi.v2.Document`, the only form of `/openapi/v2` that kubectl asks for.
 * Source of the numbers: gnostic `openapiv2/OpenAPIv2.proto`. Covers what `buildV2` writes.
 */
export function encodeSwagger(document: Schema): Buffer {
  const writer = new WireWriter();
  writer.string(1, document['swagger'] as string);
  writer.bytes(2, encodeInfo(document['info'] as Schema));
  writer.bytes(8, encodeNamed(document['paths'] as Schema, 2, encodePathItem));
  writer.bytes(9, encodeNamed(document['definitions'] as Schema, 1, encodeSchema));
  return writer.finish();
}

/** A map as gnostic writes it: repeated (name, value) messages under one number. */
function encodeNamed(map: Schema, number: number, encode: (value: Schema) => Buffer): Buffer {
  const writer = new WireWriter();
  for (const [name, value] of Object.entries(map)) {
    const entry = new WireWriter();
    entry.string(1, name);
    entry.bytes(2, encode(value as Schema));
    writer.bytes(number, entry.finish());
  }
  return writer.finish();
}

function encodeInfo(info: Schema): Buffer {
  const writer = new WireWriter();
  writer.string(1, info['title'] as string);
  writer.string(2, info['version'] as string);
  return writer.finish();
}

const METHODS = { get: 2, put: 3, post: 4, delete: 5, patch: 8 } as const;

function encodePathItem(item: Schema): Buffer {
  const writer = new WireWriter();
  for (const [method, number] of Object.entries(METHODS)) {
    if (item[method] !== undefined) writer.bytes(number, encodeOperation(item[method] as Schema));
  }
  for (const parameter of item['parameters'] as Schema[]) writer.bytes(9, encodeParametersItem(parameter));
  return writer.finish();
}

function encodeOperation(operation: Schema): Buffer {
  const writer = new WireWriter();
  writer.string(3, operation['description'] as string);
  writer.string(5, operation['operationId'] as string);
  for (const type of operation['produces'] as string[]) writer.string(6, type);
  for (const type of operation['consumes'] as string[]) writer.string(7, type);
  for (const parameter of operation['parameters'] as Schema[])
    writer.bytes(8, encodeParametersItem(parameter));
  writer.bytes(9, encodeNamed(operation['responses'] as Schema, 1, encodeResponseValue));
  writeExtensions(writer, 13, operation);
  return writer.finish();
}

function wrap(number: number, bytes: Buffer): Buffer {
  const writer = new WireWriter();
  writer.bytes(number, bytes);
  return writer.finish();
}

/** ParametersItem { Parameter { BodyParameter or NonBodyParameter { query or path } } }. */
function encodeParametersItem(parameter: Schema): Buffer {
  if (parameter['in'] === 'body') return wrap(1, wrap(1, encodeBodyParameter(parameter)));
  const number = parameter['in'] === 'query' ? 3 : 4;
  return wrap(1, wrap(2, wrap(number, encodeSimpleParameter(parameter))));
}

function encodeBodyParameter(parameter: Schema): Buffer {
  const writer = new WireWriter();
  writer.string(2, parameter['name'] as string);
  writer.string(3, 'body');
  if (parameter['required'] === true) writer.varint(4, 1);
  writer.bytes(5, encodeSchema(parameter['schema'] as Schema));
  return writer.finish();
}

function encodeSimpleParameter(parameter: Schema): Buffer {
  const query = parameter['in'] === 'query';
  const writer = new WireWriter();
  if (parameter['required'] === true) writer.varint(1, 1);
  writer.string(2, parameter['in'] as string);
  writer.string(3, parameter['description'] as string);
  writer.string(4, parameter['name'] as string);
  writer.string(query ? 6 : 5, parameter['type'] as string);
  writer.varint(query ? 20 : 19, 1);
  return writer.finish();
}

function encodeResponseValue(response: Schema): Buffer {
  const writer = new WireWriter();
  writer.string(1, response['description'] as string);
  if (response['schema'] !== undefined) writer.bytes(2, wrap(1, encodeSchema(response['schema'] as Schema)));
  return wrap(1, writer.finish());
}

function encodeSchema(schema: Schema): Buffer {
  const writer = new WireWriter();
  if (schema['$ref'] !== undefined) writer.string(1, schema['$ref'] as string);
  if (schema['format'] !== undefined) writer.string(2, schema['format'] as string);
  if (schema['description'] !== undefined) writer.string(4, schema['description'] as string);
  if (schema['default'] !== undefined) writer.bytes(5, encodeAny(schema['default']));
  for (const name of (schema['required'] ?? []) as string[]) writer.string(19, name);
  if (schema['additionalProperties'] !== undefined) {
    writer.bytes(21, wrap(1, encodeSchema(schema['additionalProperties'] as Schema)));
  }
  if (schema['type'] !== undefined) {
    const type = new WireWriter();
    type.string(1, schema['type'] as string);
    writer.bytes(22, type.finish());
  }
  if (schema['items'] !== undefined) writer.bytes(23, wrap(1, encodeSchema(schema['items'] as Schema)));
  if (schema['properties'] !== undefined) {
    writer.bytes(25, encodeNamed(schema['properties'] as Schema, 1, encodeSchema));
  }
  writeExtensions(writer, 31, schema);
  return writer.finish();
}

/** A value as YAML text; JSON is YAML. */
function encodeAny(value: unknown): Buffer {
  const writer = new WireWriter();
  writer.string(2, `${JSON.stringify(value)}\n`);
  return writer.finish();
}

/** The members of an object whose names begin with `x-`, as NamedAny. */
export function writeExtensions(writer: WireWriter, number: number, object: Schema): void {
  for (const [name, value] of Object.entries(object)) {
    if (!name.startsWith('x-')) continue;
    const entry = new WireWriter();
    entry.string(1, name);
    entry.bytes(2, encodeAny(value));
    writer.bytes(number, entry.finish());
  }
}
