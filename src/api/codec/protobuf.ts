import type { KubeObject } from '../object.js';
import type { Message } from '../schema/messages.js';
import { decodeMessage } from './protobuf-decode.js';
import { writeMessage } from './protobuf-encode.js';
import { ProtobufError, WIRE_BYTES, WireReader, WireWriter } from './protobuf-wire.js';

export { ProtobufError } from './protobuf-wire.js';

/** Every Kubernetes protobuf body starts with these bytes ("k8s" and a zero). */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

/** runtime.Unknown: what carries apiVersion and kind around a message. */
export interface Envelope {
  apiVersion: string;
  kind: string;
  /** Decodes the message inside into its JSON form; throws ProtobufError. */
  decode(schema: Message): Record<string, unknown>;
}

/** Opens a protobuf body. Throws ProtobufError when it is not one. */
export function decodeEnvelope(bytes: Buffer): Envelope {
  if (bytes.length < MAGIC.length || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new ProtobufError(
      'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]',
    );
  }
  const reader = new WireReader(bytes, MAGIC.length);
  const envelope = { apiVersion: '', kind: '', raw: Buffer.alloc(0) as Buffer, encoding: '' };
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (wire !== WIRE_BYTES) reader.skip(wire);
    else if (number === 1) Object.assign(envelope, decodeTypeMeta(reader.message()));
    else if (number === 2) envelope.raw = reader.bytes();
    else if (number === 3) envelope.encoding = reader.string();
    else reader.skip(wire);
  }
  if (envelope.encoding !== '')
    throw new ProtobufError(`unknown content encoding ${JSON.stringify(envelope.encoding)}`);
  return {
    apiVersion: envelope.apiVersion,
    kind: envelope.kind,
    decode: (schema) => decodeMessage(new WireReader(envelope.raw), schema),
  };
}

function decodeTypeMeta(reader: WireReader): { apiVersion: string; kind: string } {
  const meta = { apiVersion: '', kind: '' };
  while (!reader.done) {
    const { number, wire } = reader.tag();
    if (number === 1 && wire === WIRE_BYTES) meta.apiVersion = reader.string();
    else if (number === 2 && wire === WIRE_BYTES) meta.kind = reader.string();
    else reader.skip(wire);
  }
  return meta;
}

/** A whole protobuf body: magic, envelope with the object's apiVersion and kind, and the message. */
export function encodeProtobuf(object: Partial<KubeObject>, schema: Message): Buffer {
  const writer = new WireWriter();
  writer.message(1, () => {
    writer.string(1, object.apiVersion ?? '');
    writer.string(2, object.kind ?? '');
  });
  writer.message(2, () => writeMessage(writer, object as Record<string, unknown>, schema));
  writer.string(3, '');
  writer.string(4, '');
  return Buffer.concat([MAGIC, writer.finish()]);
}

/** A message alone, without magic and envelope. */
export function encodeProtobufMessage(value: object, schema: Message): Buffer {
  const writer = new WireWriter();
  writeMessage(writer, value as Record<string, unknown>, schema);
  return writer.finish();
}

/**
 * As `encodeProtobuf`, of a message that comes in parts, each a message of its own: what repeated fields hold is what
 * all parts hold, one after the other. Lists are encoded some items at a time like this.
 */
export function encodeProtobufParts(type: { apiVersion: string; kind: string }, parts: Buffer[]): Buffer[] {
  const head = new WireWriter();
  head.message(1, () => {
    head.string(1, type.apiVersion);
    head.string(2, type.kind);
  });
  head.bytesHead(
    2,
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  const tail = new WireWriter();
  tail.string(3, '');
  tail.string(4, '');
  return [MAGIC, head.finish(), ...parts, tail.finish()];
}

/**
 * One event of a watch in protobuf: meta.v1.WatchEvent after its length in four bytes, big-endian. `object` is a whole
 * protobuf body (apimachinery, protobuf.LengthDelimitedFramer and NewRawSerializer).
 */
export function encodeWatchFrame(type: string, object: Buffer): Buffer {
  const writer = new WireWriter();
  writer.string(1, type);
  writer.message(2, () => writer.bytes(1, object));
  const event = writer.finish();
  const frame = Buffer.allocUnsafe(4 + event.length);
  frame.writeUInt32BE(event.length);
  event.copy(frame, 4);
  return frame;
}
