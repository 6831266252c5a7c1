import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority, FakeClock, issueCertificate } from '#base';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { createCertificateCleanerController } from './index.js';

const MINUTE = 60_000;

describe('certificate cleaner controller', () => {
  let clock: FakeClock;
  let harness: Harness;
  beforeEach(async () => {
    clock = new FakeClock(Date.now());
    harness = new Harness(clock);
    await harness.start(createCertificateCleanerController);
  });
  afterEach(() => harness.stop());

  async function seed(types: string[], certificate?: string): Promise<void> {
    const now = new Date(clock.now()).toISOString();
    harness.client.seed(Resources.certificateSigningRequests, {
      metadata: { name: 'r', creationTimestamp: now },
      spec: { request: '', signerName: 'a.b/c' },
      status: {
        conditions: types.map((type) => ({ type, status: 'True', lastUpdateTime: now })),
        ...(certificate === undefined ? {} : { certificate: Buffer.from(certificate).toString('base64') }),
      },
    });
    await harness.settle();
  }
  const isThere = () => harness.client.all(Resources.certificateSigningRequests).length === 1;
  async function isThereAfter(minutes: number): Promise<boolean> {
    clock.advance(minutes * MINUTE);
    await harness.settle();
    return isThere();
  }

  it.each<[string, string[], number]>([
    ['nobody has looked at, a day', [], 24 * 60],
    ['have been denied, an hour', ['Denied'], 60],
    ['have failed, an hour', ['Approved', 'Failed'], 60],
  ])('keeps requests that %s', async (_, types, minutes) => {
    await seed(types);
    expect(await isThereAfter(minutes - 1)).toBe(true);
    expect(await isThereAfter(1)).toBe(false);
  });

  it('keeps requests whose certificate has been issued for an hour, and while that is valid', async () => {
    const { certificate } = await issueCertificate(await createAuthority('ca'), {
      commonName: 'n',
      usages: ['client'],
    });
    await seed(['Approved'], certificate);
    expect(await isThereAfter(59)).toBe(true);
    expect(await isThereAfter(1)).toBe(false);
    const { certificate: expired } = await issueCertificate(await createAuthority('ca'), {
      commonName: 'n',
      usages: ['client'],
      days: -1,
    });
    await seed(['Approved'], expired);
    expect(isThere()).toBe(false);
  });

  it('keeps approved requests that wait for their certificate', async () => {
    await seed(['Approved']);
    expect(await isThereAfter(48 * 60)).toBe(true);
  });
});
