import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '#base';
import { createEtcdStore } from '#storage';
import { EtcdProcess, haveEtcd } from '../contract/store-etcd-process.js';

function openssl(...args: string[]): void {
  const done = spawnSync('openssl', args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
}

/** A certificate authority, and one certificate for 127.0.0.1 that serves both sides. */
function makeCertificates(directory: string): { caFile: string; certFile: string; keyFile: string } {
  const at = (name: string) => join(directory, name);
  const subject = ['-subj', '/CN=kubesvc-test-ca'];
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '1',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.crt'),
    ...subject,
  );
  openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    at('etcd.key'),
    '-out',
    at('etcd.csr'),
    '-subj',
    '/CN=etcd',
  );
  writeFileSync(at('ext'), 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n');
  const signed = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('ext')];
  openssl('x509', '-req', '-days', '1', '-in', at('etcd.csr'), '-out', at('etcd.crt'), ...signed);
  return { caFile: at('ca.crt'), certFile: at('etcd.crt'), keyFile: at('etcd.key') };
}

describe.runIf(haveEtcd())('the etcd store over TLS', () => {
  let directory: string;
  let etcd: EtcdProcess;
  let tls: { caFile: string; certFile: string; keyFile: string };

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'kubesvc-tls-'));
    tls = makeCertificates(directory);
    etcd = new EtcdProcess(tls);
    await etcd.start();
  });
  afterAll(async () => {
    await etcd?.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  it('reads and writes with a client certificate', async () => {
    const store = await createEtcdStore({ endpoints: [etcd.endpoint], tls, logger: silentLogger });
    await store.start();
    const { revision } = await store.txn([], [{ op: 'put', key: '/a', value: Buffer.from('1') }]);
    expect((await store.get('/a')).kv!.modRevision).toBe(revision);
    await store.stop();
  });

  it('does not talk to a server whose authority it does not know', async () => {
    const store = await createEtcdStore({ endpoints: [etcd.endpoint], tls: {}, logger: silentLogger });
    await expect(store.start()).rejects.toMatchObject({ code: 'Unavailable' });
  });
});
