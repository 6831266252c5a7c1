import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { certificates } from '#api';
import { createAuthority, FakeClock, type KeyPair } from '#base';
import { signingRequest } from '#base/testing';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { createCertificateSigningController } from './index.js';

const MINUTE = 60_000;
const CLIENT = 'kubernetes.io/kube-apiserver-client';
const KUBELET = 'kubernetes.io/kube-apiserver-client-kubelet';
const SERVING = 'kubernetes.io/kubelet-serving';
const NODE_CLIENT = ['digital signature', 'client auth'];
const NODE_SERVER = ['digital signature', 'key encipherment', 'server auth'];

describe('certificate signing controller', () => {
  let authority: KeyPair;
  let clock: FakeClock;
  let harness: Harness;
  beforeEach(async () => {
    authority = await createAuthority('cluster');
    clock = new FakeClock(Date.now());
    harness = new Harness(clock);
    await harness.start((deps) => createCertificateSigningController({ authority }, deps));
  });
  afterEach(() => harness.stop());

  type Spec = Partial<certificates.CertificateSigningRequestSpec> & { pem?: string };

  /** The status of a request after the controller has seen it. */
  async function statusOf(
    { pem = signingRequest('jane', ['team']), ...spec }: Spec,
    ...conditions: string[]
  ) {
    const approved = conditions.length === 0 ? ['Approved'] : conditions;
    harness.client.seed(Resources.certificateSigningRequests, {
      metadata: { name: 'r' },
      spec: {
        request: Buffer.from(pem).toString('base64'),
        signerName: CLIENT,
        usages: ['client auth', 'digital signature'],
        ...spec,
      },
      status: { conditions: approved.map((type) => ({ type, status: 'True' })) },
    });
    await harness.settle();
    return harness.client.all(Resources.certificateSigningRequests)[0]!.status!;
  }
  const certificateOf = ({ certificate }: certificates.CertificateSigningRequestStatus) =>
    new X509Certificate(Buffer.from(certificate!, 'base64'));

  it('issues what an approved request asks for, signed by the authority, for a year less the backdating', async () => {
    const issued = certificateOf(await statusOf({}));
    const ca = new X509Certificate(authority.certificate);
    expect(issued.subject).toBe('O=team\nCN=jane');
    expect([issued.checkIssued(ca), issued.verify(ca.publicKey), issued.ca]).toEqual([true, true, false]);
    expect(issued.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    const [from, to] = [Date.parse(issued.validFrom), Date.parse(issued.validTo)];
    const second = Math.floor(clock.now() / 1000) * 1000;
    expect([from, to]).toEqual([second - 5 * MINUTE, second + (365 * 24 * 60 - 5) * MINUTE]);
  });

  it.each([
    [3600, 60],
    [600, 10],
    [86_400, 24 * 60 - 5],
    [2 ** 30, 365 * 24 * 60 - 5],
  ])('honors a request for %i seconds with %i minutes', async (expirationSeconds, minutes) => {
    const issued = certificateOf(await statusOf({ expirationSeconds }));
    expect(Date.parse(issued.validTo)).toBe(Math.floor(clock.now() / 1000) * 1000 + minutes * MINUTE);
  });

  it('gives a node its serving certificate with the names that it asks for', async () => {
    const pem = signingRequest('system:node:n1', ['system:nodes'], { dnsNames: ['n1', 'n1.example'] });
    const issued = certificateOf(await statusOf({ signerName: SERVING, usages: NODE_SERVER, pem }));
    expect(issued.subjectAltName).toBe('DNS:n1, DNS:n1.example');
    expect(issued.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  const node = (cn: string, organizations = ['system:nodes'], dnsNames: string[] = []) =>
    signingRequest(cn, organizations, { dnsNames });
  it.each<[string, string[], string, string]>([
    [CLIENT, ['server auth'], node('jane'), 'invalid usage for client certificate: server auth'],
    [
      CLIENT,
      ['digital signature'],
      node('jane'),
      'missing required usage for client certificate: client auth',
    ],
    [KUBELET, NODE_CLIENT, node('system:node:a', ['b']), 'subject organization is not system:nodes'],
    [KUBELET, NODE_CLIENT, node('a'), 'subject common name does not begin with system:node:'],
    [KUBELET, NODE_CLIENT, node('system:node:a', undefined, ['a']), 'DNS subjectAltNames are not allowed'],
    [
      KUBELET,
      NODE_SERVER,
      node('system:node:a'),
      'usages did not match [client auth digital signature key encipherment]',
    ],
    [SERVING, NODE_SERVER, node('system:node:a'), 'DNS or IP subjectAltName is required'],
  ])('fails a request to %s with the usages %j: %#', async (signerName, usages, pem, message) => {
    const status = await statusOf({ signerName, usages, pem });
    expect(status.certificate).toBeUndefined();
    expect(status.conditions?.[1]).toEqual({
      type: 'Failed',
      status: 'True',
      reason: 'SignerValidationFailure',
      message,
    });
  });

  it.each([
    ['has not been approved', CLIENT, ['Other']],
    ['has been denied', CLIENT, ['Denied']],
    ['has failed', CLIENT, ['Approved', 'Failed']],
    ['is for another signer', 'example.com/mine', ['Approved']],
  ])('leaves a request alone that %s', async (_, signerName, conditions) => {
    const status = await statusOf({ signerName }, ...conditions);
    expect([status.certificate, status.conditions?.length]).toEqual([undefined, conditions.length]);
  });
});
