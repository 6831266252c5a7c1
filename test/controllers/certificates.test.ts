import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { signingRequest } from '#base/testing';
import { Resources } from '#client';
import { TestClient } from '../apiserver/api-client.js';
import { startCluster, type TestCluster, until } from './cluster.js';

const WHO = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster({ nodes: 1 });
  await cluster.stopControllers();
  await cluster.startControllers({
    clusterSigning: cluster.api.ca,
    controllers: ['certificatesigningrequest-signing-controller'],
  });
});
afterAll(() => cluster?.close());

it('An approved request becomes a certificate that the API server knows its holder by', async () => {
  const requests = cluster.client.resource(Resources.certificateSigningRequests);
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const request = Buffer.from(signingRequest('jane', ['team'], { keys })).toString('base64');
  const signerName = 'kubernetes.io/kube-apiserver-client';
  const made = await requests.create({
    metadata: { name: 'jane' },
    spec: { request, signerName, usages: ['client auth'], expirationSeconds: 3600 },
  });
  const conditions = [{ type: 'Approved', status: 'True', reason: 'Test' }];
  await requests.updateSubresource('approval', { ...made, status: { conditions } });
  await until(async () => (await requests.get('jane')).status?.certificate !== undefined);
  const { status } = await requests.get('jane');
  const jane = new TestClient(cluster.api, {
    certificate: Buffer.from(status!.certificate!, 'base64').toString(),
    key: keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  });
  try {
    const { userInfo } = (await jane.post(WHO, {})).json.status;
    expect(userInfo).toMatchObject({ username: 'jane', groups: ['team', 'system:authenticated'] });
  } finally {
    jane.close();
  }
});
