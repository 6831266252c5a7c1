import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signingRequest } from '#base/testing';
import { TestClient } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

const REQUESTS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const CLIENT = 'kubernetes.io/kube-apiserver-client';
const SERVING = 'kubernetes.io/kubelet-serving';
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
let server: TestServer;
let admin: TestClient;

beforeAll(async () => {
  server = await startServer();
  admin = new TestClient(server, server.admin);
});
afterAll(async () => {
  admin?.close();
  await server?.close();
});

async function as<T>(name: string, groups: string[], use: (client: TestClient) => Promise<T>): Promise<T> {
  const client = new TestClient(server, await server.client(name, groups));
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const body = (name: string, spec: Record<string, unknown> = {}) => ({
  metadata: { name },
  spec: { request: base64(signingRequest('jane')), signerName: CLIENT, usages: ['client auth'], ...spec },
});
const condition = (type: string, more: Record<string, unknown> = {}) => ({
  status: { conditions: [{ type, status: 'True', ...more }] },
});
/** What an answer of 422 finds fault with. */
const causes = (json: { details: { causes: { field: string; message: string }[] } }) =>
  json.details.causes.map(({ field, message }) => `${field}: ${message}`);

describe('A certificate signing request', () => {
  it('says who asks, whatever the client says, and starts undecided', async () => {
    const spec = { username: 'root', uid: '0', groups: ['system:masters'], extra: { a: ['b'] } };
    const headers = {
      'impersonate-user': 'jane',
      'impersonate-uid': 'u1',
      'impersonate-group': 'system:masters',
      'impersonate-extra-team': 'red',
    };
    const asked = { ...body('who', { ...spec, expirationSeconds: 3600 }), ...condition('Approved') };
    const { status, json } = await admin.post(REQUESTS, asked, headers);
    expect([status, json.status]).toEqual([201, {}]);
    expect(json.spec).toMatchObject({
      username: 'jane',
      uid: 'u1',
      groups: ['system:masters', 'system:authenticated'],
      extra: { team: ['red'] },
      expirationSeconds: 3600,
    });
  });

  it.each([
    [{ request: base64('hello') }, /^spec\.request: Invalid value: "aGVsbG8=": PEM block type must be CERT/],
    [{ usages: [] }, /^spec\.usages: Required value: usages must be provided/],
    [{ usages: ['any', 'any'] }, /^spec\.usages\[1\]: Duplicate value: "any"/],
    [
      { usages: ['fun'] },
      /^spec\.usages\[0\]: Unsupported value: "fun": supported values: "any", "cert sign"/,
    ],
    [{ signerName: 'kubernetes.io/legacy-unknown' }, /the legacy signerName is not allowed via this API/],
    [
      { signerName: 'me' },
      /"me": must be a fully qualified domain and path of the form 'example.com\/signer-/,
    ],
    [{ signerName: 'local/me' }, /"local": should be a domain with at least two segments separated by dots/],
    [{ signerName: 'a.b/C' }, /"C": validating label "C": a lowercase RFC 1123 subdomain must consist of/],
    [{ expirationSeconds: 599 }, /599: may not specify a duration less than 600 seconds \(10 minutes\)/],
  ])('is refused with %j', async (spec, error) => {
    const { status, json } = await admin.post(REQUESTS, body('bad', spec));
    expect([status, causes(json).length]).toEqual([422, 1]);
    expect(causes(json)[0]).toMatch(error);
  });

  it('keeps its spec and status on its own endpoint', async () => {
    const made = (await admin.post(REQUESTS, body('kept'))).json;
    const change = {
      metadata: { labels: { a: 'b' } },
      spec: { signerName: 'a.b/c' },
      ...condition('Approved'),
    };
    const { json } = await admin.patch(`${REQUESTS}/kept`, 'merge', change);
    expect(json.metadata.labels).toEqual({ a: 'b' });
    expect([json.spec, json.status]).toEqual([made.spec, {}]);
  });

  it('is decided through /approval, once', async () => {
    await admin.post(REQUESTS, body('decided'));
    const approval = `${REQUESTS}/decided/approval`;
    const set = (value: unknown) => admin.patch(approval, 'merge', value);
    const approved = await set({ ...condition('Approved', { reason: 'R' }), spec: { signerName: 'a.b/c' } });
    expect(approved.status).toBe(200);
    expect(approved.json.spec.signerName).toBe(CLIENT);
    expect(approved.json.status).toEqual({
      conditions: [
        { type: 'Approved', status: 'True', reason: 'R', lastUpdateTime: TIME, lastTransitionTime: TIME },
      ],
    });
    expect(causes((await set({ status: { conditions: [] } })).json)).toEqual([
      'status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
    ]);
    const both = [...approved.json.status.conditions, { type: 'Denied', status: 'True' }];
    expect(causes((await set({ status: { conditions: both } })).json)).toEqual([
      'status.conditions[1].type: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
    ]);
    expect(causes((await set(condition('Approved', { status: 'False' }))).json)).toEqual([
      'status.conditions[0].status: Unsupported value: "False": supported values: "True"',
    ]);
    // What does not belong there is left as it is.
    const issued = await set({ status: { ...approved.json.status, certificate: base64('x') } });
    expect(issued.json.status.certificate).toBeUndefined();
  });

  it('gets its certificate through /status, once', async () => {
    const made = await admin.post(REQUESTS, body('issued'));
    await admin.patch(`${REQUESTS}/issued/approval`, 'merge', condition('Approved'));
    const set = (status: unknown) => admin.patch(`${REQUESTS}/issued/status`, 'merge', { status });
    expect(causes((await set({ certificate: base64('x') })).json)).toEqual([
      'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
    ]);
    expect(causes((await set(condition('Denied').status)).json)).toEqual([
      'status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
      'status.conditions: Forbidden: updates may not add a condition of type "Denied"',
    ]);
    const certificate = base64(server.ca.certificate);
    // A decision cannot be reworded either: what is stored stays.
    const issued = await set({ certificate, ...condition('Approved', { reason: 'other' }).status });
    expect(issued.json.status).toMatchObject({ certificate, conditions: [{ type: 'Approved' }] });
    expect(issued.json.status.conditions[0].reason).toBeUndefined();
    expect(causes((await set({ certificate: base64(server.admin.certificate) })).json)).toEqual([
      'status.certificate: Forbidden: updates may not modify existing certificate content',
    ]);
    expect(issued.json.spec).toEqual(made.json.spec);
  });

  it('is selected by its signer and printed with its progress', async () => {
    await admin.post(REQUESTS, body('serving', { signerName: SERVING, usages: ['server auth'] }));
    const query = `?fieldSelector=spec.signerName=${SERVING}`;
    const { items } = (await admin.get(REQUESTS + query)).json;
    expect(items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(['serving']);
    const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    const cells = async (name: string) => (await admin.get(`${REQUESTS}/${name}`, table)).json.rows[0].cells;
    expect((await cells('issued')).slice(2)).toEqual([CLIENT, 'admin', '<none>', 'Approved,Issued']);
    expect((await cells('who')).slice(2)).toEqual([CLIENT, 'jane', '60m', 'Pending']);
  });

  it('tracks who owns which part of it', async () => {
    await admin.post(REQUESTS, { ...body('owned'), metadata: { name: 'owned', labels: { a: 'b' } } });
    await admin.patch(`${REQUESTS}/owned/approval`, 'merge', condition('Approved'));
    await admin.patch(`${REQUESTS}/owned/status`, 'merge', {
      status: { certificate: base64(server.ca.certificate) },
    });
    const { managedFields } = (await admin.get(`${REQUESTS}/owned`)).json.metadata;
    const fields = (subresource?: string) =>
      managedFields.find((entry: { subresource?: string }) => entry.subresource === subresource)?.fieldsV1;
    expect(fields()).toEqual({ 'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } } });
    expect(fields('approval')).toMatchObject({
      'f:status': { 'f:conditions': { 'k:{"type":"Approved"}': {} } },
    });
    expect(fields('status')).toEqual({ 'f:status': { 'f:certificate': {} } });
  });
});

describe('Who may', () => {
  const grant = async (user: string, verb: string, signer: string) => {
    await admin.post(`${RBAC}/clusterroles`, {
      metadata: { name: user },
      rules: [
        {
          apiGroups: ['certificates.k8s.io'],
          resources: ['certificatesigningrequests/approval', 'certificatesigningrequests/status'],
          verbs: ['patch'],
        },
        {
          apiGroups: ['certificates.k8s.io'],
          resources: ['signers'],
          resourceNames: [signer],
          verbs: [verb],
        },
      ],
    });
    await admin.post(`${RBAC}/clusterrolebindings`, {
      metadata: { name: user },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: user },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    });
  };

  it('approve and sign is who has the verb on the signer, or on all of its domain', async () => {
    await admin.post(REQUESTS, body('guarded'));
    await grant('approver', 'approve', CLIENT);
    await grant('signer', 'sign', 'kubernetes.io/*');
    const approve = (client: TestClient) =>
      client.patch(`${REQUESTS}/guarded/approval`, 'merge', condition('Approved'));
    const sign = (client: TestClient) =>
      client.patch(`${REQUESTS}/guarded/status`, 'merge', {
        status: { certificate: base64(server.ca.certificate) },
      });
    const refused = await as('signer', [], approve);
    expect([refused.status, refused.json.message]).toEqual([
      403,
      `certificatesigningrequests.certificates.k8s.io "guarded" is forbidden: user not permitted to approve requests with signerName "${CLIENT}"`,
    ]);
    expect((await as('approver', [], approve)).status).toBe(200);
    const unsigned = await as('approver', [], sign);
    expect(unsigned.json.message).toContain(
      `user not permitted to sign requests with signerName "${CLIENT}"`,
    );
    expect((await as('signer', [], sign)).status).toBe(200);
  });

  it('ask for a superuser is nobody', async () => {
    const request = base64(signingRequest('jane', ['system:masters']));
    const refused = await admin.post(REQUESTS, body('super', { request }));
    expect([refused.status, refused.json.message]).toEqual([
      403,
      `certificatesigningrequests.certificates.k8s.io "super" is forbidden: use of ${CLIENT} signer with system:masters group is not allowed`,
    ]);
    expect((await admin.post(REQUESTS, body('super', { request, signerName: 'a.b/c' }))).status).toBe(201);
  });

  it('ask for a node is that node, which may read requests, too', async () => {
    const ask = (commonName: string) => (client: TestClient) =>
      client.post(REQUESTS, {
        metadata: { generateName: 'csr-' },
        spec: { ...body('').spec, signerName: SERVING, request: base64(signingRequest(commonName)) },
      });
    const node = ['system:node:n1', ['system:nodes']] as const;
    const own = await as(node[0], [...node[1]], ask('system:node:n1'));
    expect(own.status).toBe(201);
    const other = await as(node[0], [...node[1]], ask('system:node:n2'));
    expect(other.json.message).toContain('can only create a node CSR with CN=system:node:n1');
    const read = await as(node[0], [...node[1]], (c) => c.get(`${REQUESTS}/${own.json.metadata.name}`));
    expect(read.status).toBe(200);
  });

  it.each([
    ['system:node-bootstrapper', 'certificatesigningrequests', 'create,get,list,watch'],
    [
      'system:certificates.k8s.io:certificatesigningrequests:nodeclient',
      'certificatesigningrequests/nodeclient',
      'create',
    ],
    [
      'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
      'certificatesigningrequests/selfnodeclient',
      'create',
    ],
    ['system:certificates.k8s.io:kube-apiserver-client-approver', 'signers', 'approve'],
  ])('do so is in the role %s', async (name, resource, verbs) => {
    const { rules } = (await admin.get(`${RBAC}/clusterroles/${encodeURIComponent(name)}`)).json;
    expect(rules).toEqual([
      expect.objectContaining({
        apiGroups: ['certificates.k8s.io'],
        resources: [resource],
        verbs: verbs.split(','),
      }),
    ]);
  });
});
