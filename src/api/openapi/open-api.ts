import { createHash } from 'node:crypto';
import { parseApiVersion } from '../object.js';
import type { KindRegistry } from '../schema/registry.js';
import { encodeSwagger } from './gnostic.js';
import { encodeOpenApi3 } from './gnostic-v3.js';
import { kindsByMessage } from './names.js';
import type { Schema } from './schemas.js';
import { buildV2 } from './v2.js';
import { buildV3 } from './v3.js';

/** A document as it goes over the wire. */
export interface OpenApiDocument {
  bytes: Buffer;
  /** Upper-case hexadecimal digest of the bytes, or of its JSON form's: the `hash` of its URL, and its ETag. */
  hash: string;
}

/** The documents of a server, made when first asked for and remade when kinds come or go. */
export interface OpenApi {
  /** `/openapi/v3`: the URL of every document. Makes them one by one, and lets others run in between. */
  v3Index(): Promise<OpenApiDocument>;
  /** `/openapi/v3/api/v1`, `/openapi/v3/apis/apps/v1`: by group and version as in apiVersion; undefined for others. */
  v3(groupVersion: string): OpenApiDocument | undefined;
  /** The same for the media types of `openApi3ProtobufTypes`, under the hash of the JSON. */
  v3Protobuf(groupVersion: string): OpenApiDocument | undefined;
  /** `/openapi/v2` as JSON. */
  v2Json(): OpenApiDocument;
  /** `/openapi/v2` for the media types of `swaggerProtobufTypes`; answered as `swaggerProtobufType`. */
  v2Protobuf(): OpenApiDocument;
}

/** Content type that the protobuf form of `/openapi/v2` is answered with: the `@` that clients ask with is no valid one. */
export const swaggerProtobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** Media types in Accept that mean the protobuf form. */
export const swaggerProtobufTypes = [
  swaggerProtobufType,
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
];

/** Content type of the protobuf form of `/openapi/v3` documents, and what means it in Accept. */
export const openApi3ProtobufType = 'application/com.github.proto-openapi.spec.v3.v1.0+protobuf';
export const openApi3ProtobufTypes = [
  openApi3ProtobufType,
  'application/com.github.proto-openapi.spec.v3@v1.0+protobuf',
];

/** Documents for these kinds; `release` is the version that they carry (`v1.36.2`). */
export function createOpenApi(kinds: KindRegistry, release = 'v1.36.2'): OpenApi {
  const cache = new Map<string, OpenApiDocument>();
  let generation = -1;
  const cached = (key: string, make: () => Buffer, hash?: string): OpenApiDocument => {
    if (generation !== kinds.generation) {
      cache.clear();
      generation = kinds.generation;
    }
    let document = cache.get(key);
    if (document === undefined) {
      const bytes = make();
      document = { bytes, hash: hash ?? hashOf(bytes) };
      cache.set(key, document);
    }
    return document;
  };
  const v3 = (groupVersion: string): OpenApiDocument | undefined => {
    if (!kinds.groupVersions().includes(groupVersion)) return undefined;
    const { group, version } = parseApiVersion(groupVersion);
    const build = () => buildV3(kinds, group, version, kindsByMessage(kinds), release);
    return cached(`v3/${groupVersion}`, () => Buffer.from(JSON.stringify(build())));
  };
  const v2 = () => buildV2(kinds, kindsByMessage(kinds), release);
  return {
    v3,
    v3Protobuf: (groupVersion) => {
      const json = v3(groupVersion);
      if (json === undefined) return undefined;
      const make = () => encodeOpenApi3(JSON.parse(json.bytes.toString()) as Schema);
      return cached(`v3-protobuf/${groupVersion}`, make, json.hash);
    },
    v3Index: async () => {
      for (const groupVersion of kinds.groupVersions()) {
        v3(groupVersion);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return cached('v3', () => index(kinds, v3));
    },
    v2Json: () => cached('v2', () => Buffer.from(JSON.stringify(v2()))),
    v2Protobuf: () => cached('v2-protobuf', () => encodeSwagger(v2())),
  };
}

function index(kinds: KindRegistry, v3: (groupVersion: string) => OpenApiDocument | undefined): Buffer {
  const paths: Record<string, { serverRelativeURL: string }> = {};
  for (const groupVersion of kinds.groupVersions()) {
    const path = groupVersion.includes('/') ? `apis/${groupVersion}` : `api/${groupVersion}`;
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${v3(groupVersion)!.hash}` };
  }
  return Buffer.from(JSON.stringify({ paths }));
}

function hashOf(bytes: Buffer): string {
  return createHash('sha512').update(bytes).digest('hex').toUpperCase();
}
