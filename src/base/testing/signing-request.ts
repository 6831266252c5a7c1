import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { nameOf } from '../certificate.js';
import * as der from '../der.js';

/** A PKCS #10 request in PEM, with a key of its own (P-256) or the one given. */
export function signingRequest(commonName: string, organizations: string[] = [], key?: KeyObject): string {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const info = der.sequence(
    der.integer(Buffer.from([0])),
    nameOf(commonName, organizations),
    publicKey.export({ format: 'der', type: 'spki' }),
    der.explicit(0),
  );
  const signature = sign('sha256', info, key ?? privateKey);
  const request = der.sequence(info, der.sequence(der.oid('1.2.840.10045.4.3.2')), der.bits(signature));
  return pem('CERTIFICATE REQUEST', request);
}

export function pem(type: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${type}-----\n${lines}\n-----END ${type}-----\n`;
}
