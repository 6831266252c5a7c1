import { type Field, type Message, message } from '../schema/messages.js';
import { parseTime } from '../schema/time.js';
import type { TypeRef } from '../schema/type-ref.js';
import { WireWriter } from './protobuf-wire.js';

type Plain = Record<string, unknown>;

/**
 * Encodes an object's JSON form by the schema tables. Fields that the JSON does not have are left out; the
 * object must fit the schema (as `pruneAndCheck` leaves it), other fields are ignored.
 */
export function encodeMessage(value: Plain, schema: Message): Buffer {
  const writer = new WireWriter();
  const embedded = new Map<number, WireWriter>();
  for (const name of Object.keys(value)) {
    const field = schema.fields.get(name);
    const item = value[name];
    if (field?.number === undefined || item === null || item === undefined) continue;
    encodeField(field.embedded === undefined ? writer : writerOf(embedded, field.embedded), field, item);
  }
  for (const [number, inner] of embedded) writer.bytes(number, inner.finish());
  return writer.finish();
}

function writerOf(writers: Map<number, WireWriter>, number: number): WireWriter {
  let writer = writers.get(number);
  if (writer === undefined) {
    writer = new WireWriter();
    writers.set(number, writer);
  }
  return writer;
}

function encodeField(writer: WireWriter, field: Field, value: unknown): void {
  const { type } = field;
  const number = field.number!;
  if (type.type === 'list') {
    for (const item of value as unknown[]) encodeValue(writer, number, type.of, item);
  } else if (type.type === 'map') {
    for (const [key, item] of Object.entries(value as Plain)) {
      const entry = new WireWriter();
      entry.string(1, key);
      encodeValue(entry, 2, type.of, item);
      writer.bytes(number, entry.finish());
    }
  } else encodeValue(writer, number, type, value);
}

function encodeValue(writer: WireWriter, number: number, type: TypeRef, value: unknown): void {
  switch (type.type) {
    case 'string':
      return writer.string(number, value as string);
    case 'boolean':
      return writer.varint(number, value === true ? 1 : 0);
    case 'int32':
    case 'int64':
      return writer.varint(number, value as number);
    case 'double':
      return writer.double(number, value as number);
    case 'bytes':
      return writer.bytes(number, Buffer.from(value as string, 'base64'));
    case 'message':
      return writer.bytes(number, encodeMessage(value as Plain, message(type.name)));
    case 'list': {
      const wrapped = new WireWriter();
      for (const item of value as unknown[]) encodeValue(wrapped, 1, type.of, item);
      return writer.bytes(number, wrapped.finish());
    }
    default:
      return writer.bytes(number, encodeSpecial(type, value));
  }
}

/** Types whose JSON form is not their protobuf shape. */
function encodeSpecial(type: TypeRef, value: unknown): Buffer {
  const writer = new WireWriter();
  switch (type.type) {
    case 'time':
    case 'micro-time':
      encodeTime(writer, value, type.type === 'micro-time');
      break;
    case 'quantity':
      writer.string(1, String(value));
      break;
    case 'int-or-string':
      writer.varint(1, typeof value === 'string' ? 1 : 0);
      writer.varint(2, typeof value === 'number' ? value : 0);
      writer.string(3, typeof value === 'string' ? value : '');
      break;
    case 'schema-or-array':
    case 'schema-or-bool':
    case 'schema-or-strings':
      encodeSchemaUnion(writer, type.type, value);
      break;
    default:
      if (value !== null) writer.bytes(1, Buffer.from(JSON.stringify(value)));
  }
  return writer.finish();
}

function encodeTime(writer: WireWriter, value: unknown, micro: boolean): void {
  const time = typeof value === 'string' ? parseTime(value) : undefined;
  if (time === undefined) return;
  writer.varint(1, time.seconds);
  writer.varint(2, micro ? time.nanos - (time.nanos % 1000) : 0);
}

function encodeSchemaUnion(
  writer: WireWriter,
  type: 'schema-or-array' | 'schema-or-bool' | 'schema-or-strings',
  value: unknown,
): void {
  const schema = message('apiextensions.v1.JSONSchemaProps');
  if (typeof value === 'boolean') writer.varint(1, value ? 1 : 0);
  else if (Array.isArray(value)) {
    for (const item of value) {
      if (type === 'schema-or-strings') writer.string(2, String(item));
      else writer.bytes(2, encodeMessage(item as Plain, schema));
    }
  } else {
    if (type === 'schema-or-bool') writer.varint(1, 1);
    writer.bytes(type === 'schema-or-bool' ? 2 : 1, encodeMessage((value ?? {}) as Plain, schema));
  }
}
