import { createPrivateKey, type webcrypto as WebCrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

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
const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** The library is heavy to load, and needed only when something has to be issued. */
async function library() {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const { webcrypto } = await import('node:crypto');
  x509.cryptoProvider.set(webcrypto as WebCrypto.Crypto);
  return { x509, subtle: webcrypto.subtle };
}

async function exportKey(subtle: WebCrypto.SubtleCrypto, key: WebCrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

/** A new self-signed EC P-256 authority, valid for ten years. */
export async function createAuthority(commonName: string): Promise<KeyPair> {
  const { x509, subtle } = await library();
  const keys = (await subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify'])) as WebCrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    notBefore: new Date(Date.now() - BACKDATE_MS),
    notAfter: new Date(Date.now() + 3650 * DAY_MS),
    signingAlgorithm: KEY_ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: await exportKey(subtle, keys.privateKey) };
}

/** A leaf certificate signed by the authority, valid for a year unless told otherwise. */
export async function issueCertificate(authority: KeyPair, request: CertificateRequest): Promise<KeyPair> {
  const { x509, subtle } = await library();
  const keys = (await subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify'])) as WebCrypto.CryptoKeyPair;
  const signer = await importKey(subtle, authority.key);
  const issuer = new x509.X509Certificate(authority.certificate);
  const names = [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ipAddresses ?? [])
      .filter((ip) => isIP(ip) !== 0)
      .map((value) => ({ type: 'ip' as const, value })),
  ];
  const usages = request.usages.map((u) =>
    u === 'client' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth,
  );
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [...(request.organizations ?? []).map((o) => ({ O: [o] })), { CN: [request.commonName] }],
    issuer: issuer.subject,
    notBefore: new Date(Date.now() - BACKDATE_MS),
    notAfter: new Date(Date.now() + (request.days ?? 365) * DAY_MS),
    signingAlgorithm: KEY_ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: signer,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      await x509.AuthorityKeyIdentifierExtension.create(await issuer.publicKey.export()),
    ],
  });
  return { certificate: pem(certificate), key: await exportKey(subtle, keys.privateKey) };
}

function pem(certificate: { toString(format: 'pem'): string }): string {
  return `${certificate.toString('pem')}\n`;
}

function importKey(subtle: WebCrypto.SubtleCrypto, text: string): Promise<WebCrypto.CryptoKey> {
  const key = createPrivateKey(text);
  return subtle.importKey('pkcs8', key.export({ format: 'der', type: 'pkcs8' }), KEY_ALGORITHM, false, [
    'sign',
  ]);
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
