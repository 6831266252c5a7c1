import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto';
import * as der from './der.js';

/** What to say in a certificate. */
export interface CertificateFields {
  /** A name as `nameOf` makes it, or as it stands in another certificate. */
  subject: Buffer;
  issuer: Buffer;
  publicKey: KeyObject;
  signingKey: KeyObject;
  notBefore: Date;
  notAfter: Date;
  /** As `extension` makes them. */
  extensions: Buffer[];
}

const ORGANIZATION = der.oid('2.5.4.10');
const COMMON_NAME = der.oid('2.5.4.3');
const SUBJECT_KEY_IDENTIFIER = der.oid('2.5.29.14');

/** How signatures by a key are named, with SHA-256. */
const SIGNATURES: Record<string, Buffer> = {
  ec: der.sequence(der.oid('1.2.840.10045.4.3.2')),
  rsa: der.sequence(der.oid('1.2.840.113549.1.1.11'), der.NULL),
};

/** Writes and signs an X.509 v3 certificate (RFC 5280) and returns its DER. */
export function writeCertificate(fields: CertificateFields): Buffer {
  const { signingKey } = fields;
  const algorithm = SIGNATURES[signingKey.asymmetricKeyType ?? ''];
  if (algorithm === undefined) throw new RangeError(`cannot sign with a ${signingKey.asymmetricKeyType} key`);
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  const signed = der.sequence(
    der.explicit(0, der.integer(Buffer.from([2]))),
    der.integer(serial),
    algorithm,
    fields.issuer,
    der.sequence(der.time(fields.notBefore), der.time(fields.notAfter)),
    fields.subject,
    spkiOf(fields.publicKey),
    der.explicit(3, der.sequence(...fields.extensions)),
  );
  return der.sequence(signed, algorithm, der.bits(sign('sha256', signed, signingKey)));
}

export function nameOf(commonName: string, organizations: string[] = []): Buffer {
  const part = (type: Buffer, value: string) => der.set(der.sequence(type, der.utf8(value)));
  return der.sequence(...organizations.map((o) => part(ORGANIZATION, o)), part(COMMON_NAME, commonName));
}

export function extension(oid: Buffer, critical: boolean, value: Buffer): Buffer {
  return der.sequence(oid, ...(critical ? [der.TRUE] : []), der.octets(value));
}

/** The extension by which a certificate's own key is found. */
export function subjectKeyIdentifier(publicKey: KeyObject): Buffer {
  return extension(SUBJECT_KEY_IDENTIFIER, false, der.octets(keyIdentifier(publicKey)));
}

/** RFC 5280 4.2.1.2, method 1. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const [, key] = der.members(spkiOf(publicKey));
  return createHash('sha1').update(der.content(key!).subarray(1)).digest();
}

function spkiOf(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}

/** What those whom a certificate signs have to repeat of it: its subject, and its key's identifier if it has one. */
export function issuerFields(certificate: Buffer): { subject: Buffer; keyIdentifier?: Buffer } {
  const fields = der.members(der.members(certificate)[0]!);
  // Version 1 has no version field; all before the subject is fixed.
  const versioned = fields[0]![0] === 0xa0 ? 1 : 0;
  const subject = fields[versioned + 4]!;
  const extensions = fields.find((field) => field[0] === 0xa3);
  if (extensions === undefined) return { subject };
  for (const one of der.members(der.members(extensions)[0]!)) {
    const [type, ...rest] = der.members(one);
    if (!type!.equals(SUBJECT_KEY_IDENTIFIER)) continue;
    return { subject, keyIdentifier: der.content(der.content(rest.at(-1)!)) };
  }
  return { subject };
}
