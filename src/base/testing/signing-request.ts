import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { nameOf } from '../certificate.js';
import * as der from '../der.js';

export interface SigningRequestOptions {
  dnsNames?: string[];
  /** Default: a pair of its own, P-256. */
  keys?: { publicKey: KeyObject; privateKey: KeyObject };
}

/** A PKCS #10 request in PEM. */
export function signingRequest(
  commonName: string,
  organizations: string[] = [],
  { dnsNames = [], keys }: SigningRequestOptions = {},
): string {
  const { publicKey, privateKey } = keys ?? generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const info = der.sequence(
    der.integer(Buffer.from([0])),
    nameOf(commonName, organizations),
    publicKey.export({ format: 'der', type: 'spki' }),
    der.explicit(0, ...(dnsNames.length === 0 ? [] : [extensionRequest(dnsNames)])),
  );
  const signature = sign('sha256', info, privateKey);
  const request = der.sequence(info, der.sequence(der.oid('1.2.840.10045.4.3.2')), der.bits(signature));
  return pem('CERTIFICATE REQUEST', request);
}

function extensionRequest(dnsNames: string[]): Buffer {
  const names = dnsNames.map((name) => der.implicit(2, Buffer.from(name, 'latin1')));
  const alternative = der.sequence(der.oid('2.5.29.17'), der.octets(der.sequence(...names)));
  return der.sequence(der.oid('1.2.840.113549.1.9.14'), der.set(der.sequence(alternative)));
}

export function pem(type: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${type}-----\n${lines}\n-----END ${type}-----\n`;
}
