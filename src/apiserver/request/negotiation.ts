import { Errors } from '#api';
import { type MediaRange, parseAccept } from './accept.js';

/** How the answer's objects are written. */
export type Encoding = 'json' | 'yaml' | 'protobuf';
/** What the answer's objects are turned into. */
export type Transform = 'none' | 'table' | 'partial';

/** The outcome of content negotiation for an object answer. */
export interface Negotiated {
  encoding: Encoding;
  transform: Transform;
  /** apiVersion of the transformed kinds, `meta.k8s.io/v1` or `meta.k8s.io/v1beta1`. */
  transformVersion: string;
  contentType: string;
}

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
const plainJson: Negotiated = {
  encoding: 'json',
  transform: 'none',
  transformVersion: '',
  contentType: JSON_TYPE,
};

/** What an endpoint can answer with, besides plain JSON. */
export interface Offer {
  table: boolean;
  partial: boolean;
  /** Whole objects are answered in protobuf only to clients that accept nothing else, and if the kind has an encoder. */
  protobuf: boolean;
  /** A watch frames its events, which YAML cannot. */
  yaml: boolean;
}

/**
 * Chooses the answer's form. JSON is preferred whenever the client takes it, protobuf included among its
 * wishes or not: that is what lets the server hand out stored bytes. What has to be made of them anyway is given in the
 * form that the client likes best. Throws NotAcceptable.
 */
export function negotiate(accept: string | undefined, offer: Offer): Negotiated {
  // The common headers, without parsing.
  if (accept === undefined || accept === JSON_TYPE || accept === '*/*') return plainJson;
  const ranges = parseAccept(accept);
  let protobuf = false;
  for (const range of ranges) {
    const found = match(range, offer);
    if (found === undefined) continue;
    if (found.encoding !== 'protobuf' || found.transform !== 'none') return found;
    protobuf = true;
  }
  if (protobuf) return { ...plainJson, encoding: 'protobuf', contentType: PROTOBUF_TYPE };
  throw Errors.notAcceptable([JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE]);
}

function match(range: MediaRange, offer: Offer): Negotiated | undefined {
  const encoding = encodingOf(range.type, offer);
  if (encoding === undefined) return undefined;
  const as = range.params['as'];
  if (as === undefined) {
    return encoding === 'json' ? plainJson : { ...plainJson, encoding, contentType: contentTypeOf(encoding) };
  }
  return transformed(range, as, encoding, offer);
}

function transformed(
  range: MediaRange,
  as: string,
  encoding: Encoding,
  offer: Offer,
): Negotiated | undefined {
  const version = range.params['v'] ?? '';
  if (range.params['g'] !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined;
  // There are no tables in protobuf; a client that also lists other types gets the next one.
  const table = as === 'Table' && offer.table && encoding !== 'protobuf';
  const partial = (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') && offer.partial;
  if (!table && !partial) return undefined;
  return {
    encoding,
    transform: table ? 'table' : 'partial',
    transformVersion: `meta.k8s.io/${version}`,
    // Upstream names the transformation in the body only (unlike discovery).
    contentType: contentTypeOf(encoding),
  };
}

function encodingOf(type: string, offer: Offer): Encoding | undefined {
  if (type === JSON_TYPE || type === '*/*' || type === 'application/*') return 'json';
  if (type === YAML_TYPE) return offer.yaml ? 'yaml' : undefined;
  if (type === PROTOBUF_TYPE) return offer.protobuf ? 'protobuf' : undefined;
  return undefined;
}

function contentTypeOf(encoding: Encoding): string {
  return encoding === 'json' ? JSON_TYPE : encoding === 'yaml' ? YAML_TYPE : PROTOBUF_TYPE;
}
