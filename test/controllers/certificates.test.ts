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
    controllers: ['csrsigning', 'csrapproving', 'csrcleaner'],
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

it('A node’s request is approved for whom upstream’s roles allow it, and for nobody else', async () => {
  const requests = cluster.client.resource(Resources.certificateSigningRequests);
  const admin = new TestClient(cluster.api, cluster.api.admin);
  const bind = (role: string, name: string, kind = 'User') =>
    admin.post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: `${name}:${role}`.replaceAll(':', '.') },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind, name }],
    });
  const ask = async (name: string, user: string, node: string, group = 'nobody') => {
    const request = Buffer.from(signingRequest(node, ['system:nodes'])).toString('base64');
    const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';
    const spec = { request, signerName, usages: ['digital signature', 'client auth'] };
    const headers = { 'impersonate-user': user, 'impersonate-group': group };
    const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
    expect((await admin.post(path, { metadata: { name }, spec }, headers)).status).toBe(201);
  };
  const issued = async (name: string) => {
    await until(async () => (await requests.get(name)).status?.certificate !== undefined);
    return (await requests.get(name)).status!.conditions;
  };
  try {
    const client = 'system:certificates.k8s.io:certificatesigningrequests';
    await bind('system:node-bootstrapper', 'stranger');
    await bind('system:node-bootstrapper', 'joiner');
    await bind(`${client}:nodeclient`, 'joiner');
    await bind(`${client}:selfnodeclient`, 'system:nodes', 'Group');
    await ask('strange', 'stranger', 'system:node:n8');
    await ask('joining', 'joiner', 'system:node:n9');
    await ask('renewing', 'system:node:n9', 'system:node:n9', 'system:nodes');
    const approved = { type: 'Approved', status: 'True', reason: 'AutoApproved' };
    expect(await issued('joining')).toMatchObject([
      { ...approved, message: 'Auto approving kubelet client certificate after SubjectAccessReview.' },
    ]);
    expect(await issued('renewing')).toMatchObject([
      { ...approved, message: 'Auto approving self kubelet client certificate after SubjectAccessReview.' },
    ]);
    expect((await requests.get('strange')).status).toEqual({});
  } finally {
    admin.close();
  }
});
