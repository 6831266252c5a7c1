import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { certificatesError, parseCertificateRequest } from './certificate-request.js';
import { pemBlocks } from './pem.js';
import { createAuthority } from './pki.js';
import { pem, signingRequest } from './testing/signing-request.js';

/** By OpenSSL 3.0. */
const ECDSA = `
-----BEGIN CERTIFICATE REQUEST-----
MIIBGzCBwgIBADBAMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxDjAMBgNVBAoMBW90
aGVyMRcwFQYDVQQDDA5zeXN0ZW06bm9kZTpuMTBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABDgk+23r3X+GeZBV8Oi6wdboig7AauZJdaB3J+xbCZFe8OTgwGf+ImXX
c1TWADdfW6GeX1AvegMJZu2F2zbnX7+gIDAeBgkqhkiG9w0BCQ4xETAPMA0GA1Ud
EQQGMASCAm4xMAoGCCqGSM49BAMCA0gAMEUCICn7/CYicqX3+Ps4m2xejsFznPFP
g1zcSf+vlQPElGCnAiEA3uwdzAfRcs0BZDw+oUEsE/0Reun+RFoJtcGm2GuLiGg=
-----END CERTIFICATE REQUEST-----
`.trimStart();
const ED25519 = `
-----BEGIN CERTIFICATE REQUEST-----
MIGMMEACAQAwDTELMAkGA1UEAwwCZWQwKjAFBgMrZXADIQDJ9X71YDbMWmtQOzXx
Jzpr03lJuCoH99nOOPk1376OVaAAMAUGAytlcANBAImDGm6i7UnRYc1hatRXqQlk
bxhYxzfd6PJbw704AgAG+FN+9sgU9bqQ/G6njAQySF+HywR9tQFPEATviiAMLQk=
-----END CERTIFICATE REQUEST-----
`.trimStart();
const RSA = `
-----BEGIN CERTIFICATE REQUEST-----
MIICZTCCAU0CAQAwIDEMMAoGA1UEAwwDcnNhMRAwDgYDVQQKDAdHcsO2w59lMIIB
IjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo0UO9dtAaHfINyP1LqelMJl3
tdjmPubHNsPxdu5E7XoUa//TiIwiFvxTT9PlqliE0qZ2vdiZb+6l0Kik+n3hTtk2
TC633JwA7MkXqsUL6WezmxmIo4h1UEfb3qQ3EaavMPmmQvLkEUIN0m4yAuTk/A/o
BcGylSunm0g/RNX+8R7vAp7VTiKceSw4JbaJXwjvW5cSnXLlNBWA4ZQyQM9zertZ
6gh1dzvAmbNqH5kbOXCMiPdnbwGCn952Zh9V5lrMZlg+UkTdFBd4Q+NifeOx4jGa
t5VHZ92+2e6PX2kiTLjl3UV49+K+Quru+bFCiKUXS8gev0ayJQ0eRtd7dh59CQID
AQABoAAwDQYJKoZIhvcNAQENBQADggEBAIRUm+6QlQhxEQsUHbNBLBdmJW0tJylX
U8EDcuOEayJNdkh2LYKTe/BEqzXlJFTdeC7vWdoCS7G3Ostt0Sci4pG1rwT7YBs4
puI4DD7cQaJOrlbajuSCMvxyrEThgsi+wtqy52qILHYTWBe+jPXFWQNItGY40qDE
QF6APlL+2jMs0fq1+OmK8dRbaOH8p2ooEfsti/30Le3S2pJT9l4htMHen/i+ZZUT
R42AJOrKzQK6Ae4ZCBkL/xgH6YCRjJZFiVwAXzLnQhE5G+1J+Y96u5VwIBHEQgBf
+nZ8Akmy4tBAz4+hHcyiCuZ0ql/uCFJ5CnEquFn2rXfg3dyb4/Aen7s=
-----END CERTIFICATE REQUEST-----
`.trimStart();

describe('parseCertificateRequest', () => {
  it.each([
    ['ECDSA with SHA-256', ECDSA, 'system:node:n1', ['system:nodes', 'other']],
    ['Ed25519', ED25519, 'ed', []],
    ['RSA with SHA-512', RSA, 'rsa', ['Größe']],
  ])('reads what OpenSSL writes and checks its signature: %s', (_, text, commonName, organizations) => {
    const request = parseCertificateRequest(text);
    expect(request).toMatchObject({ commonName, organizations });
    expect(request.signatureError()).toBeUndefined();
  });

  it('says when the signature is by another key', () => {
    const keys = {
      publicKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
      privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    };
    const request = parseCertificateRequest(signingRequest('n', [], { keys }));
    expect(request.signatureError()).toBe('x509: ECDSA verification failure');
  });

  it('says when it does not know the algorithm', () => {
    const { bytes } = pemBlocks(ECDSA)[0]!;
    const ecdsaWithSha256 = Buffer.from('2a8648ce3d040302', 'hex');
    bytes[bytes.indexOf(ecdsaWithSha256) + 7] = 9;
    const request = parseCertificateRequest(pem('CERTIFICATE REQUEST', bytes));
    expect(request.signatureError()).toBe('x509: cannot verify signature: algorithm unimplemented');
  });

  it.each(['', 'hello', pem('CERTIFICATE', Buffer.alloc(3)), '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n'])(
    'refuses what is no block of the right type: %j',
    (text) => {
      expect(() => parseCertificateRequest(text)).toThrow('PEM block type must be CERTIFICATE REQUEST');
    },
  );

  it('refuses what has other tags, since a signer might read another subject', () => {
    const { bytes } = pemBlocks(ECDSA)[0]!;
    // The subject as a set.
    bytes[bytes.indexOf(Buffer.from('0c0c73797374656d', 'hex')) - 11] = 0x31;
    expect(() => parseCertificateRequest(pem('CERTIFICATE REQUEST', bytes))).toThrow(
      "asn1: structure error: tags don't match",
    );
  });

  it('refuses other bytes with a RangeError and nothing else', () => {
    const { bytes } = pemBlocks(ECDSA)[0]!;
    const damaged = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)).map(([at, byte]) => {
      const copy = Buffer.from(bytes);
      copy[at] = byte;
      return copy;
    });
    const any = fc.oneof(
      damaged,
      fc.uint8Array().map((array) => Buffer.from(array)),
    );
    fc.assert(
      fc.property(any, (data) => {
        try {
          parseCertificateRequest(pem('CERTIFICATE REQUEST', data)).signatureError();
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});

describe('pemBlocks', () => {
  it('passes over what is no block, and text in between', () => {
    const text = `${pem('A', Buffer.from('one'))}between\n-----BEGIN B-----\nno base64!\n-----END B-----\n${pem('C', Buffer.from('three'))}`;
    expect(pemBlocks(text).map(({ type, bytes }) => `${type} ${bytes}`)).toEqual(['A one', 'C three']);
  });

  it('reads headers and CRLF', () => {
    const text = '-----BEGIN A-----\r\nProc-Type: 4\r\n\r\nb25l\r\n-----END A-----\r\n';
    expect(pemBlocks(text)).toEqual([{ type: 'A', hasHeaders: true, bytes: Buffer.from('one') }]);
  });

  it('takes a megabyte of beginnings without an end in its stride', () => {
    expect(pemBlocks('-----BEGIN A-----\n'.repeat(60_000) + '\n-----END B-----\n')).toEqual([]);
  });
});

describe('certificatesError', () => {
  it('has nothing against one or more certificates with text around them', async () => {
    const { certificate } = await createAuthority('ca');
    expect(certificatesError(`first\n${certificate}\nsecond\n${certificate}`)).toBeUndefined();
  });

  it.each([
    ['hello', 'must contain at least one CERTIFICATE PEM block'],
    [ECDSA, 'only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"'],
    [
      '-----BEGIN CERTIFICATE-----\na: b\n\nAAAA\n-----END CERTIFICATE-----\n',
      'no PEM block headers are permitted',
    ],
    [pem('CERTIFICATE', Buffer.from([0x30, 0])), 'x509: malformed certificate'],
    [
      '-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n',
      'found CERTIFICATE PEM block containing 0 certificates',
    ],
  ])('says what is wrong with %j', (text, error) => {
    expect(certificatesError(text)).toBe(error);
  });
});
