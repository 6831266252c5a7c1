import { createPrivateKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { extension, issuerFields, nameOf, subjectKeyIdentifier, writeCertificate } from './certificate.js';
import type { CertificateSigningData } from './certificate-request.js';
import * as der from './der.js';
import { type IpAddress, parseIp } from './ip.js';

/** PEM certificate and PKCS#8 PEM key. The holder keeps the key in files of mode 0600. */
export interface KeyPair {
  certificate: string;
  key: string;
}

export interface CertificateRequest {
  /** Client certificates: the user name. */
  commonName: string;
  /** Client certificates: the user's groups. */
  organizations?: string[];
  dnsNames?: string[];
  ipAddresses?: string[];
  usages: ('client' | 'server')[];
  days?: number;
}

const DAY_MS = 86_400_000;
/** Clocks of test machines differ; a certificate is valid a little before it is made. */
const BACKDATE_MS = 300_000;
const AUTHORITY_DAYS = 3650;

const BASIC_CONSTRAINTS = der.oid('2.5.29.19');
const KEY_USAGE = der.oid('2.5.29.15');
const EXTENDED_KEY_USAGE = der.oid('2.5.29.37');
const ALTERNATIVE_NAME = der.oid('2.5.29.17');
const AUTHORITY_KEY_IDENTIFIER = der.oid('2.5.29.35');
const USAGES = { server: der.oid('1.3.6.1.5.5.7.3.1'), client: der.oid('1.3.6.1.5.5.7.3.2') };

/** digitalSignature; keyCertSign and cRLSign for authorities as well. */
const LEAF_KEY_USAGE = extension(KEY_USAGE, true, der.bits(Buffer.from([0x80]), 7));
const AUTHORITY_KEY_USAGE = extension(KEY_USAGE, true, der.bits(Buffer.from([0x86]), 1));

const newKeys = promisify(generateKeyPair);

/** A new self-signed EC P-256 authority, valid for ten years. */
export async function createAuthority(commonName: string): Promise<KeyPair> {
  const { publicKey, privateKey } = await newKeys('ec', { namedCurve: 'P-256' });
  const name = nameOf(commonName);
  const certificate = writeCertificate({
    subject: name,
    issuer: name,
    publicKey,
    signingKey: privateKey,
    ...validity(AUTHORITY_DAYS),
    extensions: [
      extension(BASIC_CONSTRAINTS, true, der.sequence(der.TRUE)),
      AUTHORITY_KEY_USAGE,
      subjectKeyIdentifier(publicKey),
    ],
  });
  return pair(certificate, privateKey);
}

/** A leaf certificate signed by the authority, valid for a year unless told otherwise. */
export async function issueCertificate(authority: KeyPair, request: CertificateRequest): Promise<KeyPair> {
  const { publicKey, privateKey } = await newKeys('ec', { namedCurve: 'P-256' });
  const issuer = issuerFields(new X509Certificate(authority.certificate).raw);
  const names = alternativeNames(request);
  const certificate = writeCertificate({
    subject: nameOf(request.commonName, request.organizations),
    issuer: issuer.subject,
    publicKey,
    signingKey: createPrivateKey(authority.key),
    ...validity(request.days ?? 365),
    extensions: [
      extension(BASIC_CONSTRAINTS, true, der.sequence()),
      LEAF_KEY_USAGE,
      extension(EXTENDED_KEY_USAGE, false, der.sequence(...request.usages.map((usage) => USAGES[usage]))),
      ...(names.length === 0 ? [] : [extension(ALTERNATIVE_NAME, false, der.sequence(...names))]),
      ...(issuer.keyIdentifier === undefined ? [] : [authorityKeyIdentifier(issuer.keyIdentifier)]),
    ],
  });
  return pair(certificate, privateKey);
}

/** What a signer decides about a certificate for somebody else's key. */
export interface SigningPolicy {
  /** Names of upstream's certificates.k8s.io KeyUsage. */
  usages: readonly string[];
  notBefore: Date;
  notAfter: Date;
}

/** Bits of the key usage extension, from the first of the first byte on (RFC 5280 4.2.1.3). */
const KEY_USAGES = [
  ['digital signature', 'signing'],
  ['content commitment'],
  ['key encipherment'],
  ['data encipherment'],
  ['key agreement'],
  ['cert sign'],
  ['crl sign'],
  ['encipher only'],
  ['decipher only'],
];
const EXTENDED_USAGES: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
};

/**
 * A certificate for what a request asks for (pkg/controller/certificates/authority): its subject, names and key, and
 * never an authority's. The request's signature is the caller's to check. Throws RangeError for unknown usages and keys.
 */
export function signRequest(
  authority: KeyPair,
  { subject, publicKey, alternativeNames: names }: CertificateSigningData,
  { usages, notBefore, notAfter }: SigningPolicy,
): string {
  if (publicKey === undefined) throw new RangeError('x509: unsupported public key');
  const issuer = issuerFields(new X509Certificate(authority.certificate).raw);
  const all = [...names.dns, ...names.email, ...names.ip, ...names.uri];
  const certificate = writeCertificate({
    subject,
    issuer: issuer.subject,
    publicKey,
    signingKey: createPrivateKey(authority.key),
    notBefore,
    notAfter,
    extensions: [
      ...usageExtensions(usages),
      extension(BASIC_CONSTRAINTS, true, der.sequence()),
      ...(issuer.keyIdentifier === undefined ? [] : [authorityKeyIdentifier(issuer.keyIdentifier)]),
      ...(all.length === 0 ? [] : [extension(ALTERNATIVE_NAME, false, der.sequence(...all))]),
    ],
  });
  return pem(certificate);
}

function usageExtensions(usages: readonly string[]): Buffer[] {
  const simple = KEY_USAGES.map((names) => names.some((name) => usages.includes(name)));
  const known = new Set([...KEY_USAGES.flat(), ...Object.keys(EXTENDED_USAGES)]);
  const unknown = usages.filter((usage) => !known.has(usage));
  if (unknown.length > 0) throw new RangeError(`unrecognized usage values: ${JSON.stringify(unknown)}`);
  const extended = Object.keys(EXTENDED_USAGES).filter((name) => usages.includes(name));
  const ids = [...new Set(extended.map((name) => EXTENDED_USAGES[name]!))].sort().map(der.oid);
  return [
    ...(simple.includes(true) ? [extension(KEY_USAGE, true, bitString(simple))] : []),
    ...(ids.length === 0 ? [] : [extension(EXTENDED_KEY_USAGE, false, der.sequence(...ids))]),
  ];
}

/** Named bits, without zeros at the end (X.690 11.2.2). */
function bitString(set: boolean[]): Buffer {
  const count = set.lastIndexOf(true) + 1;
  const bytes = Buffer.alloc(Math.ceil(count / 8));
  for (let i = 0; i < count; i++) if (set[i]) bytes[i >> 3]! |= 0x80 >> (i & 7);
  return der.bits(bytes, bytes.length * 8 - count);
}

function alternativeNames(request: CertificateRequest): Buffer[] {
  const ips = (request.ipAddresses ?? []).flatMap((ip) => parseIp(ip) ?? []);
  return [
    ...(request.dnsNames ?? []).map((name) => der.implicit(2, Buffer.from(name, 'latin1'))),
    ...ips.map((ip) => der.implicit(7, ipBytes(ip))),
  ];
}

function ipBytes({ family, value }: IpAddress): Buffer {
  return Buffer.from(value.toString(16).padStart(family === 4 ? 8 : 32, '0'), 'hex');
}

function authorityKeyIdentifier(keyIdentifier: Buffer): Buffer {
  return extension(AUTHORITY_KEY_IDENTIFIER, false, der.sequence(der.implicit(0, keyIdentifier)));
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + days * DAY_MS) };
}

function pem(certificate: Buffer): string {
  const text = certificate.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
}

function pair(certificate: Buffer, key: KeyObject): KeyPair {
  return {
    certificate: pem(certificate),
    key: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

/**
 * Whether a stored certificate can go on being used: signed by the authority, not within 30 days of its end,
 * and naming everything that the request names.
 */
export function certificateFits(pair: KeyPair, authority: KeyPair, request: CertificateRequest): boolean {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pair.certificate);
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) return false;
    if (!certificate.verify(new X509Certificate(authority.certificate).publicKey)) return false;
  } catch {
    return false;
  }
  if (Date.parse(certificate.validTo) - Date.now() < 30 * DAY_MS) return false;
  const subject = certificate.subject.split('\n');
  if (!subject.includes(`CN=${request.commonName}`)) return false;
  if (!(request.organizations ?? []).every((o) => subject.includes(`O=${o}`))) return false;
  const dns = (request.dnsNames ?? []).every((name) => certificate.checkHost(name) !== undefined);
  return dns && (request.ipAddresses ?? []).every((ip) => certificate.checkIP(ip) !== undefined);
}
