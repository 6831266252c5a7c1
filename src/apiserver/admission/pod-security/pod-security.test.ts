import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StatusError } from '#api';
import { startTestServer, type TestServer } from '../../testing/in-process-server.js';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

async function namespace(name: string, labels: Record<string, string>): Promise<string> {
  const prefixed = Object.entries(labels).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]);
  await server.call('POST', '/api/v1/namespaces', {
    metadata: { name, labels: Object.fromEntries(prefixed) },
  });
  await server.call('POST', `/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: 'default' } });
  return `/api/v1/namespaces/${name}`;
}

const pod = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});
const deployment = {
  metadata: { name: 'd' },
  spec: {
    selector: { matchLabels: { a: 'b' } },
    template: {
      metadata: { labels: { a: 'b' } },
      spec: { hostPID: true, containers: [{ name: 'c', image: 'i' }] },
    },
  },
};

async function refusal(call: Promise<unknown>): Promise<StatusError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof StatusError) return error;
  throw new Error('it was not refused');
}

describe('PodSecurity', () => {
  it('refuses Pods that break what the namespace enforces, and their updates', async () => {
    const path = await namespace('enforced', { enforce: 'baseline' });
    await server.call('POST', `${path}/pods`, pod('fine'));
    const refused = await refusal(server.call('POST', `${path}/pods`, pod('bad', { hostNetwork: true })));
    expect([refused.code, refused.message]).toEqual([
      403,
      'pods "bad" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
    ]);
    const debug = { name: 'debug', image: 'i', securityContext: { privileged: true } };
    const body = { spec: { ephemeralContainers: [debug] } };
    expect((await refusal(server.call('PATCH', `${path}/pods/fine/ephemeralcontainers`, body))).code).toBe(
      403,
    );
  });

  it('warns of templates, and refuses none', async () => {
    const path = await namespace('templates', { enforce: 'baseline' });
    await server.call('POST', `/apis/apps/v1${path.slice('/api/v1'.length)}/deployments`, deployment);
    expect(server.warnings).toEqual([
      'would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)',
    ]);
  });

  it('warns of Pods by a level of its own', async () => {
    const path = await namespace('warned', { warn: 'restricted', 'warn-version': 'v1.36' });
    await server.call('POST', `${path}/pods`, pod('plain'));
    expect(server.warnings[0]).toMatch(
      /^would violate PodSecurity "restricted:v1.36": allowPrivilegeEscalation != false \(/,
    );
  });

  it('refuses labels that mean nothing, and names the Pods that a stricter level would refuse', async () => {
    const path = await namespace('stricter', {});
    await server.call('POST', `${path}/pods`, pod('one', { hostIPC: true }));
    await server.call('POST', `${path}/pods`, pod('two', { hostIPC: true }));
    const label = (level: string) => ({
      metadata: { labels: { 'pod-security.kubernetes.io/enforce': level } },
    });
    const refused = await refusal(server.call('PATCH', path, label('strict')));
    expect([refused.code, refused.message]).toEqual([
      422,
      'Namespace "stricter" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
    ]);
    await server.call('PATCH', path, label('baseline'));
    expect(server.warnings).toEqual([
      'existing pods in namespace "stricter" violate the new PodSecurity enforce level "baseline:latest"',
      'one (and 1 other pod): host namespaces',
    ]);
  });
});
