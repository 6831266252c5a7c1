import { apiVersionOf, type KubeObject, parseApiVersion } from '../object.js';
import type { KindInfo } from '../schema/kind-info.js';
import { deleteOptionsKind } from '../schema/kinds.js';
import { findMessage, type Message } from '../schema/messages.js';
import { KindRegistry } from '../schema/registry.js';
import { pruneAndCheck, SchemaError } from '../schema/walker.js';
import { Errors } from '../status.js';
import type { meta } from '../types/index.js';
import { type ParsedText, parseJson } from './json.js';
import { JsonSyntaxError } from './json-syntax.js';
import { decodeEnvelope, type Envelope, ProtobufError } from './protobuf.js';
import { parseYaml, YamlSyntaxError } from './yaml.js';

/** What to do with unknown and duplicate fields; the server's default is Warn. */
export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface DecodeOptions {
  /** The kind that the request is for; a missing kind or apiVersion in the body means this one. */
  kind: KindInfo;
  fieldValidation?: FieldValidation;
  /** To word what another kind in the body is; the built-in kinds when absent. */
  kinds?: KindRegistry;
  /** Accept the kind under any group and version (DeleteOptions is registered in all of them). */
  anyGroupVersion?: boolean;
}

export interface Decoded<T extends KubeObject = KubeObject> {
  object: T;
  /** Texts for `Warning` headers: what Strict would have refused. */
  warnings: string[];
  /** The same texts, whatever `fieldValidation` says (empty for Ignore). */
  strictErrors: string[];
}

const MEDIA_JSON = 'application/json';
export const MEDIA_YAML = 'application/yaml';
export const MEDIA_PROTOBUF = 'application/vnd.kubernetes.protobuf';
/** Request encodings in the order that upstream's 415 lists them. */
export const acceptedMediaTypes = [MEDIA_JSON, MEDIA_YAML, MEDIA_PROTOBUF];

/** `application/json` for `Application/JSON; charset=utf-8`; JSON when the header is absent, as upstream. */
function mediaTypeOf(contentType: string | undefined): string {
  // As nearly all clients write it.
  if (contentType === MEDIA_JSON) return MEDIA_JSON;
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
  return type === '' || type === '*/*' ? MEDIA_JSON : type;
}

/**
 * Decodes a request body into the object to work with: parsed, checked and pruned by the kind's schema,
 * apiVersion and kind filled in. Throws StatusError: 415 for other encodings, 400 with upstream's wording for
 * everything else.
 */
export function decodeObject<T extends KubeObject = KubeObject>(
  bytes: Buffer,
  contentType: string | undefined,
  options: DecodeOptions,
): Decoded<T> {
  const mediaType = mediaTypeOf(contentType);
  if (!acceptedMediaTypes.includes(mediaType)) throw Errors.unsupportedMediaType(acceptedMediaTypes);
  const { kind, fieldValidation = 'Warn' } = options;
  const schema = findMessage(kind.message);
  const body = parseBody(bytes, mediaType, schema, fieldValidation !== 'Ignore', options);
  const { object, unknown } = body.checked ?? check(body, schema, options, bytes);
  const strictErrors = [...body.strictErrors, ...unknownErrors(unknown, body)];
  if (fieldValidation === 'Strict' && strictErrors.length > 0) {
    throw cannotHandle(body.gvk, kind, `strict decoding error: ${strictErrors.join(', ')}`);
  }
  const own = identity(kind);
  const typed = { kind: own.kind, apiVersion: own.apiVersion, ...object };
  if (!options.anyGroupVersion) {
    typed.kind = own.kind;
    typed.apiVersion = own.apiVersion;
  }
  return {
    object: typed as unknown as T,
    warnings: fieldValidation === 'Warn' ? strictErrors : [],
    strictErrors: fieldValidation === 'Ignore' ? [] : strictErrors,
  };
}

/**
 * Decodes the options in the body of a delete request; no body means no options. The kind may come under any
 * group and version. Throws StatusError like `decodeObject`.
 */
export function decodeDeleteOptions(bytes: Buffer, contentType: string | undefined): meta.DeleteOptions {
  if (bytes.length === 0) return {};
  const { object } = decodeObject(bytes, contentType, { kind: deleteOptionsKind, anyGroupVersion: true });
  return object as unknown as meta.DeleteOptions;
}

interface BodyKind {
  apiVersion: string;
  kind: string;
}

interface Body {
  value: unknown;
  gvk: BodyKind;
  strictErrors: string[];
  strict: boolean;
  /** The scan of the text has already listed the unknown fields. */
  scanned: boolean;
  checked?: { object: object; unknown: string[] };
  /** A number that an integer field does not take, by its notation. */
  badInteger?: SchemaError | undefined;
}

function identity(kind: KindInfo): BodyKind {
  return { kind: kind.kind, apiVersion: apiVersionOf(kind.group, kind.version) };
}

function unknownErrors(unknown: string[], body: Body): string[] {
  if (!body.strict || body.scanned) return [];
  return unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
}

function parseBody(
  bytes: Buffer,
  mediaType: string,
  schema: Message | undefined,
  strict: boolean,
  options: DecodeOptions,
): Body {
  try {
    if (mediaType === MEDIA_PROTOBUF) return protobufBody(bytes, schema, options);
    if (mediaType === MEDIA_JSON) {
      const parsed = parseJson(bytes, { strict: schema ?? 'duplicates' });
      return withKind(parsed, strict, bytes, options);
    }
    const parsed = parseYaml(bytes, { strict, ...(schema === undefined ? {} : { schema }) });
    return withKind(parsed, strict, bytes, options);
  } catch (error) {
    if (error instanceof JsonSyntaxError) {
      throw unrecognized(
        bytes,
        options.kind,
        `couldn't get version/kind; json parse error: ${error.message}`,
      );
    }
    if (error instanceof YamlSyntaxError) {
      throw unrecognized(bytes, options.kind, `error converting YAML to JSON: ${error.message}`);
    }
    if (error instanceof ProtobufError) throw unrecognized(bytes, options.kind, error.message);
    throw error;
  }
}

function protobufBody(bytes: Buffer, schema: Message | undefined, options: DecodeOptions): Body {
  const envelope = decodeEnvelope(bytes);
  const gvk = bodyKind({ apiVersion: envelope.apiVersion, kind: envelope.kind }, options.kind);
  checkKind(gvk, options);
  return {
    value: protobufValue(envelope, gvk, schema, options),
    gvk,
    strictErrors: [],
    strict: false,
    scanned: false,
  };
}

function protobufValue(
  envelope: Envelope,
  gvk: BodyKind,
  schema: Message | undefined,
  options: DecodeOptions,
): unknown {
  if (schema === undefined) {
    throw cannotHandle(gvk, options.kind, 'the kind has no protobuf encoding');
  }
  try {
    return envelope.decode(schema);
  } catch (error) {
    if (error instanceof ProtobufError) throw cannotHandle(gvk, options.kind, error.message);
    throw error;
  }
}

function withKind(parsed: ParsedText, strict: boolean, bytes: Buffer, options: DecodeOptions): Body {
  const { value, strictErrors, badInteger } = parsed;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unrecognized(bytes, options.kind, notAnObject(value));
  }
  const { apiVersion, kind } = value as { apiVersion?: unknown; kind?: unknown };
  const given = {
    apiVersion: textOf('apiVersion', apiVersion, bytes, options),
    kind: textOf('kind', kind, bytes, options),
  };
  const gvk = bodyKind(given, options.kind);
  checkKind(gvk, options);
  // Spelt out: members after a spread are slow to define, and what is made so is slow to read.
  return { value, gvk, strictErrors, strict, scanned: parsed.scanned === true, badInteger };
}

function textOf(name: keyof BodyKind, text: unknown, bytes: Buffer, options: DecodeOptions): string {
  if (typeof text === 'string') return text;
  if (text === undefined || text === null) return '';
  const what = Array.isArray(text) ? 'array' : typeof text === 'boolean' ? 'bool' : typeof text;
  const why = `json: cannot unmarshal ${what} into Go struct field .${name} of type string`;
  throw unrecognized(bytes, options.kind, `couldn't get version/kind; json parse error: ${why}`);
}

function notAnObject(value: unknown): string {
  const what = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  const into =
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
  if (value === null) return "Object 'Kind' is missing in 'null'";
  return `couldn't get version/kind; json parse error: json: cannot unmarshal ${what} into Go value of type ${into}`;
}

function bodyKind(given: BodyKind, expected: KindInfo): BodyKind {
  const own = identity(expected);
  return { apiVersion: given.apiVersion || own.apiVersion, kind: given.kind || own.kind };
}

/** The body must be of the expected kind; otherwise says what upstream says of kinds it knows and does not know. */
function checkKind(gvk: BodyKind, options: DecodeOptions): void {
  const expected = identity(options.kind);
  if (gvk.kind === expected.kind && (options.anyGroupVersion || gvk.apiVersion === expected.apiVersion))
    return;
  const { group, version } = parseApiVersion(gvk.apiVersion);
  const known = (options.kinds ?? new KindRegistry()).byKind(group, version, gvk.kind);
  if (known === undefined) {
    const why = `no kind ${JSON.stringify(gvk.kind)} is registered for version ${JSON.stringify(gvk.apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`;
    throw cannotHandle(gvk, options.kind, why);
  }
  if (known.kind === expected.kind) {
    throw Errors.badRequest(
      `the API version in the data (${gvk.apiVersion}) does not match the expected API version (${expected.apiVersion})`,
    );
  }
  const table = options.kind.message.split('.')[0];
  const why = `converting (v1.${gvk.kind}) to (${table}.${expected.kind}): unknown conversion`;
  throw cannotHandle(gvk, options.kind, why);
}

function check(
  body: Body,
  schema: Message | undefined,
  options: DecodeOptions,
  bytes: Buffer,
): { object: object; unknown: string[] } {
  if (schema === undefined) return { object: body.value as object, unknown: [] };
  try {
    if (body.badInteger !== undefined) throw body.badInteger;
    return pruneAndCheck(body.value, schema);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    if (body.gvk.kind === '') throw unrecognized(bytes, options.kind, error.message);
    throw cannotHandle(body.gvk, options.kind, error.message);
  }
}

function cannotHandle(gvk: BodyKind, expected: KindInfo, why: string) {
  const { version } = parseApiVersion(gvk.apiVersion);
  return Errors.badRequest(
    `${gvk.kind} in version ${JSON.stringify(version)} cannot be handled as a ${expected.kind}: ${why}`,
  );
}

function unrecognized(bytes: Buffer, expected: KindInfo, why: string) {
  return Errors.badRequest(
    `the object provided is unrecognized (must be of type ${expected.kind}): ${why} (${summarize(bytes)})`,
  );
}

/** The start of the body: as text when it looks like JSON, else in hexadecimal. */
function summarize(bytes: Buffer): string {
  if (bytes.length === 0) return '<empty>';
  const start = bytes.subarray(0, 30);
  const text = bytes[0] === 0x7b ? start.toString('utf8') : start.toString('hex');
  return bytes.length > 30 ? `${text} ...` : text;
}
