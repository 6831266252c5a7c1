import { type Field, type Message, message } from '../schema/messages.js';
import { formatMicroTime, formatTime } from '../schema/time.js';
import type { TypeRef } from '../schema/type-ref.js';
import { MAX_DEPTH, setOwn } from '../schema/walker.js';
import { parseJson } from './json.js';
import { JsonSyntaxError } from './json-syntax.js';
import { ProtobufError, WIRE_BYTES, WIRE_FIXED64, WIRE_VARINT, WireReader } from './protobuf-wire.js';

type Plain = Record<string, unknown>;

/**
 * Decodes a message by the schema tables into its JSON form. Unknown fields are skipped, repeated occurrences of
 * a message merge, packed and unpacked lists are both read. Throws ProtobufError.
 */
export function decodeMessage(reader: WireReader, schema: Message, into: Plain = {}, depth = 0): Plain {
  if (depth > MAX_DEPTH) throw new ProtobufError('exceeded max depth');
  while (!reader.done) {
    const { number, wire } = reader.tag();
    const field = schema.byNumber.get(number);
    if (field !== undefined) decodeField(reader, wire, field, into, depth);
    else if (wire === WIRE_BYTES && schema.embedded.has(number)) {
      decodeEmbedded(reader.message(), schema.embedded.get(number)!, into, depth);
    } else reader.skip(wire);
  }
  return into;
}

/** Fields that Go inlines: they land in the same JSON object. */
function decodeEmbedded(reader: WireReader, fields: Map<number, Field>, into: Plain, depth: number): void {
  while (!reader.done) {
    const { number, wire } = reader.tag();
    const field = fields.get(number);
    if (field === undefined) reader.skip(wire);
    else decodeField(reader, wire, field, into, depth);
  }
}

function decodeField(reader: WireReader, wire: number, field: Field, into: Plain, depth: number): void {
  const { type, name } = field;
  if (type.type === 'list') {
    into[name] ??= [];
    const list = into[name] as unknown[];
    if (wire === WIRE_BYTES && wireOf(type.of) !== WIRE_BYTES)
      decodePacked(reader.message(), type.of, list, depth);
    else list.push(decodeValue(reader, wire, type.of, undefined, depth));
  } else if (type.type === 'map') {
    into[name] ??= {};
    decodeEntry(reader.message(), type.of, into[name] as Plain, depth);
  } else {
    into[name] = decodeValue(reader, wire, type, into[name], depth);
  }
}

function decodePacked(reader: WireReader, type: TypeRef, list: unknown[], depth: number): void {
  while (!reader.done) list.push(decodeValue(reader, wireOf(type), type, undefined, depth));
}

function decodeEntry(reader: WireReader, type: TypeRef, into: Plain, depth: number): void {
  let key = '';
  let value: unknown;
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (number === 1 && wire === WIRE_BYTES) key = reader.string();
    else if (number === 2) value = decodeValue(reader, wire, type, value, depth);
    else reader.skip(wire);
  }
  setOwn(into, key, value ?? emptyOf(type, depth));
}

/** The value of a map entry that carries none. */
function emptyOf(type: TypeRef, depth: number): unknown {
  const wire = wireOf(type);
  if (wire === WIRE_VARINT) return type.type === 'boolean' ? false : 0;
  return wire === WIRE_FIXED64
    ? 0
    : decodeValue(new WireReader(Buffer.of(0)), WIRE_BYTES, type, undefined, depth);
}

function wireOf(type: TypeRef): number {
  switch (type.type) {
    case 'boolean':
    case 'int32':
    case 'int64':
      return WIRE_VARINT;
    case 'double':
      return WIRE_FIXED64;
    default:
      return WIRE_BYTES;
  }
}

function decodeValue(
  reader: WireReader,
  wire: number,
  type: TypeRef,
  before: unknown,
  depth: number,
): unknown {
  if (wire !== wireOf(type)) throw new ProtobufError(`wrong wireType = ${wire}`);
  switch (type.type) {
    case 'string':
      return reader.string();
    case 'boolean':
      return reader.bool();
    case 'int32':
      return reader.int32();
    case 'int64':
      return reader.int64();
    case 'double':
      return reader.double();
    case 'bytes':
      return reader.bytes().toString('base64');
    case 'message':
      return decodeMessage(reader.message(), message(type.name), (before ?? {}) as Plain, depth + 1);
    case 'list':
      return decodeWrappedList(reader.message(), type.of, depth);
    case 'map':
      throw new ProtobufError('a map cannot be an item');
    default:
      return decodeSpecial(reader.message(), type, depth);
  }
}

/** Named list types (ExtraValue) travel as a message with the items in field 1. */
function decodeWrappedList(reader: WireReader, type: TypeRef, depth: number): unknown[] {
  const list: unknown[] = [];
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (number === 1) list.push(decodeValue(reader, wire, type, undefined, depth));
    else reader.skip(wire);
  }
  return list;
}

/** Types whose JSON form is not their protobuf shape. */
function decodeSpecial(reader: WireReader, type: TypeRef, depth: number): unknown {
  switch (type.type) {
    case 'time':
      return decodeTime(reader, false);
    case 'micro-time':
      return decodeTime(reader, true);
    case 'quantity':
      return decodeQuantity(reader);
    case 'int-or-string':
      return decodeIntOrString(reader);
    case 'schema-or-array':
    case 'schema-or-bool':
    case 'schema-or-strings':
      return decodeSchemaUnion(reader, type.type, depth);
    default:
      return decodeRaw(reader);
  }
}

function decodeTime(reader: WireReader, micro: boolean): string | null {
  if (reader.done) return null;
  let seconds = 0;
  let nanos = 0;
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (number === 1 && wire === WIRE_VARINT) seconds = reader.int64();
    else if (number === 2 && wire === WIRE_VARINT) nanos = reader.int32();
    else reader.skip(wire);
  }
  if (seconds < -62135596800 || seconds > 253402300799 || nanos < 0 || nanos > 999_999_999) {
    throw new ProtobufError('time out of range');
  }
  return micro ? formatMicroTime(seconds, nanos) : formatTime(seconds);
}

function decodeQuantity(reader: WireReader): string {
  let text = '0';
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (number === 1 && wire === WIRE_BYTES) text = reader.string();
    else reader.skip(wire);
  }
  return text;
}

function decodeIntOrString(reader: WireReader): number | string {
  let isString = false;
  let number_ = 0;
  let text = '';
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (number === 1 && wire === WIRE_VARINT) isString = reader.int64() === 1;
    else if (number === 2 && wire === WIRE_VARINT) number_ = reader.int32();
    else if (number === 3 && wire === WIRE_BYTES) text = reader.string();
    else reader.skip(wire);
  }
  return isString ? text : number_;
}

/** RawExtension, FieldsV1 and JSON: JSON bytes in field 1. */
function decodeRaw(reader: WireReader): unknown {
  let raw: Buffer | undefined;
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (number === 1 && wire === WIRE_BYTES) raw = reader.bytes();
    else reader.skip(wire);
  }
  if (raw === undefined || raw.length === 0) return null;
  try {
    return parseJson(raw).value;
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new ProtobufError(`embedded JSON: ${error.message}`);
    throw error;
  }
}

function decodeSchemaUnion(
  reader: WireReader,
  type: 'schema-or-array' | 'schema-or-bool' | 'schema-or-strings',
  depth: number,
): unknown {
  const schema = message('apiextensions.v1.JSONSchemaProps');
  const list: unknown[] = [];
  let single: unknown;
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (type === 'schema-or-bool' && number === 1 && wire === WIRE_VARINT) single ??= reader.bool();
    else if (wire !== WIRE_BYTES) reader.skip(wire);
    else if (number === (type === 'schema-or-bool' ? 2 : 1)) {
      single = decodeMessage(reader.message(), schema, {}, depth + 1);
    } else if (type === 'schema-or-strings') list.push(reader.string());
    else list.push(decodeMessage(reader.message(), schema, {}, depth + 1));
  }
  return single ?? (type === 'schema-or-bool' ? false : list);
}
