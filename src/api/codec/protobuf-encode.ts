import { type Field, type Message, message } from '../schema/messages.js';
import { parseTime } from '../schema/time.js';
import type { TypeRef } from '../schema/type-ref.js';
import type { WireWriter } from './protobuf-wire.js';

type Plain = Record<string, unknown>;

/**
 * Writes an object's JSON form by the schema tables. Fields that the JSON does not have are left out; the
 * object must fit the schema (as `pruneAndCheck` leaves it), other fields are ignored.
 */
export function writeMessage(writer: WireWriter, value: Plain, schema: Message): void {
  writeFields(writer, value, schema, undefined);
  for (const [number, fields] of schema.embedded) {
    if (!hasAny(value, fields)) continue;
    writer.message(number, () => writeFields(writer, value, schema, number));
  }
}

function hasAny(value: Plain, fields: Map<number, Field>): boolean {
  for (const { name } of fields.values()) if (value[name] !== undefined && value[name] !== null) return true;
  return false;
}

/** The fields that stand in the message itself, or in one of its embedded messages. */
function writeFields(writer: WireWriter, value: Plain, schema: Message, embedded: number | undefined): void {
  for (const name of Object.keys(value)) {
    const field = schema.fields.get(name);
    if (field?.number === undefined || field.embedded !== embedded) continue;
    const item = value[name];
    if (item !== null && item !== undefined) writeField(writer, field, item);
  }
}

function writeField(writer: WireWriter, field: Field, value: unknown): void {
  const { type } = field;
  const number = field.number!;
  if (type.type === 'list') {
    for (const item of value as unknown[]) writeValue(writer, number, type.of, item);
  } else if (type.type === 'map') {
    for (const [key, item] of Object.entries(value as Plain)) {
      writer.message(number, () => {
        writer.string(1, key);
        writeValue(writer, 2, type.of, item);
      });
    }
  } else writeValue(writer, number, type, value);
}

function writeValue(writer: WireWriter, number: number, type: TypeRef, value: unknown): void {
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
      return writer.message(number, () => writeMessage(writer, (value ?? {}) as Plain, message(type.name)));
    case 'list':
      return writer.message(number, () => {
        for (const item of value as unknown[]) writeValue(writer, 1, type.of, item);
      });
    default:
      return writer.message(number, () => writeSpecial(writer, type, value));
  }
}

/** Types whose JSON form is not their protobuf shape. */
function writeSpecial(writer: WireWriter, type: TypeRef, value: unknown): void {
  switch (type.type) {
    case 'time':
    case 'micro-time':
      writeTime(writer, value, type.type === 'micro-time');
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
      writeSchemaUnion(writer, type.type, value);
      break;
    default:
      if (value !== null) writer.bytes(1, Buffer.from(JSON.stringify(value)));
  }
}

function writeTime(writer: WireWriter, value: unknown, micro: boolean): void {
  const time = typeof value === 'string' ? parseTime(value) : undefined;
  if (time === undefined) return;
  writer.varint(1, time.seconds);
  writer.varint(2, micro ? time.nanos - (time.nanos % 1000) : 0);
}

function writeSchemaUnion(
  writer: WireWriter,
  type: 'schema-or-array' | 'schema-or-bool' | 'schema-or-strings',
  value: unknown,
): void {
  const schema = message('apiextensions.v1.JSONSchemaProps');
  if (typeof value === 'boolean') writer.varint(1, value ? 1 : 0);
  else if (Array.isArray(value)) {
    for (const item of value) {
      if (type === 'schema-or-strings') writer.string(2, String(item));
      else writer.message(2, () => writeMessage(writer, item as Plain, schema));
    }
  } else {
    if (type === 'schema-or-bool') writer.varint(1, 1);
    writer.message(type === 'schema-or-bool' ? 2 : 1, () =>
      writeMessage(writer, (value ?? {}) as Plain, schema),
    );
  }
}
