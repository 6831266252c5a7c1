import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { issuerFields, nameOf, subjectKeyIdentifier, writeCertificate } from './certificate.js';
import * as der from './der.js';
import { createAuthority, issueCertificate } from './pki.js';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

function selfSigned(extensions: Buffer[], notAfter = new Date('2051-02-03T04:05:06Z')): Buffer {
  const name = nameOf('kubernetes', ['Größe']);
  const notBefore = new Date('2020-01-02T03:04:05Z');
  const { publicKey, privateKey: signingKey } = rsa;
  return writeCertificate({
    subject: name,
    issuer: name,
    publicKey,
    signingKey,
    notBefore,
    notAfter,
    extensions,
  });
}

describe('writeCertificate', () => {
  it('writes what OpenSSL reads back, with RSA keys and times beyond 2049 too', () => {
    const certificate = new X509Certificate(selfSigned([subjectKeyIdentifier(rsa.publicKey)]));
    expect(certificate.subject).toBe('O=Größe\nCN=kubernetes');
    expect(certificate.checkIssued(certificate)).toBe(true);
    expect(certificate.verify(createPublicKey(rsa.privateKey))).toBe(true);
    expect([certificate.validFrom, certificate.validTo]).toEqual([
      'Jan  2 03:04:05 2020 GMT',
      'Feb  3 04:05:06 2051 GMT',
    ]);
    expect(certificate.serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  it('refuses keys whose signatures it cannot name', () => {
    const { publicKey, privateKey: signingKey } = generateKeyPairSync('ed25519');
    const name = nameOf('x');
    const now = new Date();
    const fields = { subject: name, issuer: name, publicKey, signingKey, notBefore: now, notAfter: now };
    expect(() => writeCertificate({ ...fields, extensions: [] })).toThrow(RangeError);
  });
});

describe('leaves', () => {
  it('are issued by an RSA authority that others made, with or without an identifier of its key', async () => {
    for (const extensions of [
      [subjectKeyIdentifier(rsa.publicKey)],
      [der.sequence(der.oid('1.2.3'), der.octets(der.NULL))],
    ]) {
      const text = `-----BEGIN CERTIFICATE-----\n${selfSigned(extensions).toString('base64')}\n-----END CERTIFICATE-----\n`;
      const key = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      const leaf = await issueCertificate(
        { certificate: text, key },
        { commonName: 'x', usages: ['client'] },
      );
      const certificate = new X509Certificate(leaf.certificate);
      expect(certificate.issuer).toBe('O=Größe\nCN=kubernetes');
      expect(certificate.verify(rsa.publicKey)).toBe(true);
      expect(certificate.checkIssued(new X509Certificate(text))).toBe(true);
    }
  });

  it('name the key of their authority', async () => {
    const authority = await createAuthority('ca');
    const { keyIdentifier } = issuerFields(new X509Certificate(authority.certificate).raw);
    const leaf = await issueCertificate(authority, { commonName: 'x', usages: ['server'] });
    expect(keyIdentifier).toHaveLength(20);
    expect(new X509Certificate(leaf.certificate).raw.includes(keyIdentifier!)).toBe(true);
  });
});

describe('DER', () => {
  it('reads the members that it wrote, of any length', () => {
    const part = fc.uint8Array({ maxLength: 70_000 }).map((bytes) => der.octets(bytes));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        expect(der.members(der.sequence(...parts))).toEqual(parts);
      }),
      { numRuns: 50 },
    );
  });

  it('writes integers without needless or missing zeros, and identifiers in base 128', () => {
    expect(der.integer(Buffer.from([0, 0, 0x7f])).toString('hex')).toBe('02017f');
    expect(der.integer(Buffer.from([0x80])).toString('hex')).toBe('02020080');
    expect(der.integer(Buffer.from([0])).toString('hex')).toBe('020100');
    expect(der.oid('1.2.840.113549.1.1.11').toString('hex')).toBe('06092a864886f70d01010b');
  });

  it('throws RangeError for bytes that are no value', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        try {
          der.members(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});
