import { createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import * as der from './der.js';
import { pemBlocks } from './pem.js';

/** What a PKCS #10 request (RFC 2986) asks for. */
export interface CertificateSigningData {
  commonName: string;
  organizations: string[];
  /** The subject as it is encoded. */
  subject: Buffer;
  /** The key that is to be certified; undefined for one that is not understood. */
  publicKey: KeyObject | undefined;
  alternativeNames: AlternativeNames;
  /** What is wrong with the signature, in the words of Go's crypto/x509; undefined when it is good. */
  signatureError(): string | undefined;
}

/** Encodings of the names that are asked for besides the subject's, as they go into a certificate. */
export interface AlternativeNames {
  dns: Buffer[];
  ip: Buffer[];
  email: Buffer[];
  uri: Buffer[];
}

interface Algorithm {
  name: string;
  key: string;
  /** Undefined where the key says it all. */
  hash: string | undefined;
}

const algorithm = (oid: string, name: string, key: string, hash?: string): [string, Algorithm] => [
  der.oid(oid).toString('hex'),
  { name, key, hash },
];
const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  algorithm('1.2.840.113549.1.1.5', 'SHA1-RSA', 'rsa', 'sha1'),
  algorithm('1.2.840.113549.1.1.11', 'SHA256-RSA', 'rsa', 'sha256'),
  algorithm('1.2.840.113549.1.1.12', 'SHA384-RSA', 'rsa', 'sha384'),
  algorithm('1.2.840.113549.1.1.13', 'SHA512-RSA', 'rsa', 'sha512'),
  algorithm('1.2.840.10045.4.1', 'ECDSA-SHA1', 'ec', 'sha1'),
  algorithm('1.2.840.10045.4.3.2', 'ECDSA-SHA256', 'ec', 'sha256'),
  algorithm('1.2.840.10045.4.3.3', 'ECDSA-SHA384', 'ec', 'sha384'),
  algorithm('1.2.840.10045.4.3.4', 'ECDSA-SHA512', 'ec', 'sha512'),
  algorithm('1.3.101.112', 'Ed25519', 'ed25519'),
]);
const COMMON_NAME = der.oid('2.5.4.3');
const ORGANIZATION = der.oid('2.5.4.10');
const UNKNOWN = 'x509: cannot verify signature: algorithm unimplemented';
const FAILED: Record<string, string> = {
  rsa: 'crypto/rsa: verification error',
  ec: 'x509: ECDSA verification failure',
  ed25519: 'x509: Ed25519 verification failure',
};
const EXTENSION_REQUEST = der.oid('1.2.840.113549.1.9.14');
const ALTERNATIVE_NAME = der.oid('2.5.29.17');
const EMPTY_SET = der.set();
/** Tags of DER. */
const ATTRIBUTES = 0xa0;
const BITS = 0x03;
const OCTETS = 0x04;
const BMP_STRING = 0x1e;
const SEQUENCE = 0x30;
const SET = 0x31;

/** Reads the first PEM block of a text. Throws RangeError, mostly in Go's words, when it is no request. */
export function parseCertificateRequest(pem: string): CertificateSigningData {
  const [block] = pemBlocks(pem);
  if (block?.type !== 'CERTIFICATE REQUEST') {
    throw new RangeError('PEM block type must be CERTIFICATE REQUEST');
  }
  return readRequest(block.bytes);
}

function readRequest(bytes: Buffer): CertificateSigningData {
  try {
    const [info, signature, bits] = inside(SEQUENCE, bytes);
    const [, name, publicKey, attributes] = inside(SEQUENCE, info);
    const subject = inside(SEQUENCE, name)
      .flatMap((set) => inside(SET, set))
      .map((part) => inside(SEQUENCE, part));
    const texts = (type: Buffer) =>
      subject.filter(([oid]) => oid?.equals(type) === true).map(([, value]) => textOf(value));
    const [algorithm] = inside(SEQUENCE, signature);
    // What is missing shows here rather than when the signature is looked at.
    if (info === undefined || algorithm === undefined) throw new RangeError('sequence truncated');
    const signed = { info, algorithm, bits: contentOf(BITS, bits).subarray(1) };
    inside(SEQUENCE, publicKey);
    return {
      commonName: texts(COMMON_NAME).at(-1) ?? '',
      organizations: texts(ORGANIZATION),
      subject: name!,
      publicKey: keyOf(publicKey!),
      alternativeNames: alternativeNamesIn(attributes),
      signatureError: () => signatureError(publicKey!, signed),
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`asn1: structure error: ${error.message.replace(/^DER: /, '')}`);
  }
}

/** Names in the request for extensions (RFC 2985 5.4.2), by their tags (RFC 5280 4.2.1.6). */
function alternativeNamesIn(attributes: Buffer | undefined): AlternativeNames {
  const valuesOf = (parts: Buffer[], type: Buffer) =>
    parts.map((part) => inside(SEQUENCE, part)).find(([oid]) => oid?.equals(type) === true);
  const attribute = attributes === undefined ? [] : inside(ATTRIBUTES, attributes);
  const [extensions] = inside(SET, valuesOf(attribute, EXTENSION_REQUEST)?.[1] ?? EMPTY_SET);
  const asked = extensions === undefined ? [] : inside(SEQUENCE, extensions);
  const value = valuesOf(asked, ALTERNATIVE_NAME)?.at(-1);
  const names = value === undefined ? [] : inside(SEQUENCE, contentOf(OCTETS, value));
  const tagged = (tag: number) => names.filter((one) => one[0] === tag);
  return { email: tagged(0x81), dns: tagged(0x82), uri: tagged(0x86), ip: tagged(0x87) };
}

function contentOf(tag: number, value: Buffer | undefined): Buffer {
  if (value?.[0] !== tag) throw new RangeError("tags don't match");
  return der.content(value);
}

function inside(tag: number, value: Buffer | undefined): Buffer[] {
  contentOf(tag, value);
  return der.members(value!);
}

function textOf(value: Buffer | undefined): string {
  if (value === undefined) throw new RangeError('sequence truncated');
  const content = der.content(value);
  if (value[0] !== BMP_STRING) return content.toString('utf8');
  if (content.length % 2 !== 0) throw new RangeError('invalid BMPString');
  return Buffer.from(content).swap16().toString('utf16le');
}

interface Signed {
  info: Buffer;
  algorithm: Buffer;
  bits: Buffer;
}

function signatureError(spki: Buffer, { info, algorithm: oid, bits }: Signed): string | undefined {
  const known = ALGORITHMS.get(oid.toString('hex'));
  const key = keyOf(spki);
  if (known === undefined || key === undefined) return UNKNOWN;
  if (key.asymmetricKeyType !== known.key) {
    return `x509: signature algorithm ${known.name} does not fit a ${key.asymmetricKeyType} public key`;
  }
  try {
    return verify(known.hash, info, key, bits) ? undefined : FAILED[known.key];
  } catch {
    return FAILED[known.key];
  }
}

function keyOf(spki: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

/** What keeps a text from being one or more PEM certificates; undefined when nothing does (client-go/util/cert). */
export function certificatesError(pem: string): string | undefined {
  const blocks = pemBlocks(pem);
  for (const { type, hasHeaders, bytes } of blocks) {
    if (type !== 'CERTIFICATE') {
      return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    }
    if (hasHeaders) return 'no PEM block headers are permitted';
    if (bytes.length === 0) return 'found CERTIFICATE PEM block containing 0 certificates';
    try {
      // May hold several, one behind the other.
      for (const one of der.members(der.sequence(bytes))) new X509Certificate(one);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return blocks.length === 0 ? 'must contain at least one CERTIFICATE PEM block' : undefined;
}
