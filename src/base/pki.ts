import { createPrivateKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { extension, issuerFields, nameOf, subjectKeyIdentifier, writeCertificate } from './certificate.js';
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

function pair(certificate: Buffer, key: KeyObject): KeyPair {
  const text = certificate.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`,
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
