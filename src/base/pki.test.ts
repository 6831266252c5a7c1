import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificateFits, createAuthority, issueCertificate } from './pki.js';

describe('certificates', () => {
  it('issues leaves that node:crypto verifies against the authority, with names and groups', async () => {
    const ca = await createAuthority('test-ca');
    const request = {
      commonName: 'system:node:node-1',
      organizations: ['system:nodes'],
      dnsNames: ['node-1'],
      ipAddresses: ['127.0.0.1', 'fd00::1'],
      usages: ['client' as const, 'server' as const],
    };
    const leaf = await issueCertificate(ca, request);
    const certificate = new X509Certificate(leaf.certificate);
    expect(certificate.verify(new X509Certificate(ca.certificate).publicKey)).toBe(true);
    expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:node-1');
    expect(certificate.subjectAltName).toBe(
      'DNS:node-1, IP Address:127.0.0.1, IP Address:FD00:0:0:0:0:0:0:1',
    );
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']);
    expect(certificate.ca).toBe(false);
    expect(new X509Certificate(ca.certificate).ca).toBe(true);
    expect(certificateFits(leaf, ca, request)).toBe(true);
    expect(certificateFits(leaf, ca, { ...request, ipAddresses: ['127.0.0.2'] })).toBe(false);
    expect(certificateFits(leaf, await createAuthority('other'), request)).toBe(false);
  });
});
