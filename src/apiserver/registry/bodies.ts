import {
  type Decoded,
  decodeObject as decodeBody,
  Errors,
  encodeProtobuf as encodeMessageBody,
  encodeProtobufMessage,
  type FieldValidation,
  findMessage,
  type KindInfo,
  type KubeObject,
  message,
  type ParsedText,
  parseYaml,
  pruneAndCheck,
  SchemaError,
  YamlSyntaxError,
} from '#api';

export type { Decoded, FieldValidation };

export function decodeObject(
  kind: KindInfo,
  body: Buffer,
  contentType: string | undefined,
  validation: FieldValidation,
): Decoded {
  return decodeBody(body, contentType, { kind, fieldValidation: validation });
}

/** Checks a document made by a patch against the kind's schema, as a decoded body would be. */
export function checkObject(
  kind: KindInfo,
  value: unknown,
  validation: FieldValidation,
): { object: KubeObject; warnings: string[] } {
  try {
    const { object, unknown } = pruneAndCheck<KubeObject>(value, message(kind.message));
    const texts =
      validation === 'Ignore' ? [] : unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
    if (validation === 'Strict' && texts.length > 0) {
      throw Errors.badRequest(`strict decoding error: ${texts.join(', ')}`);
    }
    return { object, warnings: texts };
  } catch (error) {
    if (error instanceof SchemaError) throw Errors.badRequest(error.message);
    throw error;
  }
}

/** Whether the kind has a protobuf form to answer with. */
export function hasProtobuf(kind: KindInfo): boolean {
  return findMessage(kind.message) !== undefined;
}

export function encodeProtobuf(kind: KindInfo, object: KubeObject): Buffer {
  return encodeMessageBody(object, message(kind.message));
}

/** Some items of a list, with or without its metadata; all of them together are the list. */
export function encodeProtobufItems(
  kind: KindInfo,
  list: { metadata?: Record<string, unknown>; items: object[] },
): Buffer {
  return encodeProtobufMessage(list, message(`${kind.message}List`));
}

/** An apply configuration as the client wrote it (YAML or JSON): nothing is filled in, because every field counts. */
export function parseConfiguration(
  kind: KindInfo,
  body: Buffer,
  validation: FieldValidation,
): { configuration: object; warnings: string[] } {
  const { value, strictErrors } = parseDocument(body, validation !== 'Ignore');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw Errors.badRequest(`error decoding YAML: an apply patch of a ${kind.kind} must be an object`);
  }
  if (validation === 'Strict' && strictErrors.length > 0) {
    throw Errors.badRequest(`strict decoding error: ${strictErrors.join(', ')}`);
  }
  return { configuration: value, warnings: validation === 'Warn' ? strictErrors : [] };
}

function parseDocument(body: Buffer, strict: boolean): ParsedText {
  try {
    return parseYaml(body, { strict });
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    throw Errors.badRequest(`error decoding YAML: ${error.message}`);
  }
}
