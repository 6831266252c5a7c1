import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type Duplex, duplexPair } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type authorization, type core, type policy, StatusError } from '#api';
import { createAuthority, issueCertificate } from '#base';
import type { EgressDialer, UpgradeRequest } from '../contracts.js';
import { admin, startTestServer, type TestServer } from '../testing/in-process-server.js';

/** What the backends of a test saw, and the network that leads to them. */
class FakeNetwork implements EgressDialer {
  readonly #servers = new Map<string, Server>();
  listen(address: string, server: Server): void {
    this.#servers.set(address, server);
  }
  async dial(host: string, port: number): Promise<Duplex> {
    const server = this.#servers.get(`${host}:${port}`);
    if (server === undefined) throw new Error(`dial tcp ${host}:${port}: connect: connection refused`);
    const [near, far] = duplexPair();
    server.emit('connection', far);
    return near;
  }
}

const PODS = '/api/v1/namespaces/default/pods';
const network = new FakeNetwork();
let server: TestServer;
let seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string; peer: string }[] =
  [];

async function record(request: IncomingMessage, peer = ''): Promise<void> {
  let body = '';
  for await (const chunk of request) body += chunk;
  seen.push({ method: request.method!, url: request.url!, headers: request.headers, body, peer });
}

async function podServer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  await record(request);
  if (request.url!.startsWith('/page')) {
    response.setHeader('content-type', 'text/html');
    response.end(
      '<html><a href="/next">n</a><a href="rel">r</a><img src=\'https://other.example/x\'></html>',
    );
  } else if (request.url!.startsWith('/move')) {
    response.writeHead(302, { location: '/elsewhere?x=1' }).end();
  } else response.end(`pod says ${request.method} ${request.url}`);
}

beforeAll(async () => {
  const authority = await createAuthority('cluster-ca');
  const serving = await issueCertificate(authority, {
    commonName: 'n1',
    ipAddresses: ['192.0.2.10'],
    usages: ['server'],
  });
  const client = await issueCertificate(authority, {
    commonName: 'kube-apiserver-kubelet-client',
    usages: ['client'],
  });
  const kubelet = createTlsServer(
    {
      key: serving.key,
      cert: serving.certificate,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    },
    async (request, response) => {
      const { subject } = (request.socket as import('node:tls').TLSSocket).getPeerCertificate();
      await record(request, String(subject.CN));
      if (request.url!.includes('/waiting'))
        response.writeHead(400).end('container "c" in pod "waiting" is waiting to start: ContainerCreating');
      else response.end('line 1\nline 2\n');
    },
  );
  kubelet.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    seen.push({
      method: request.method!,
      url: request.url!,
      headers: request.headers,
      body: head.toString(),
      peer: '',
    });
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n');
    socket.on('data', (data: Buffer) => socket.write(`echo ${data}`));
    socket.on('end', () => socket.end());
  });
  network.listen('192.0.2.10:10250', kubelet);
  network.listen('10.244.0.5:8080', createServer(podServer));
  const stranger = await issueCertificate(await createAuthority('nobody'), {
    commonName: 'unknown',
    usages: ['server'],
  });
  const tls = { key: stranger.key, cert: stranger.certificate };
  network.listen('10.244.0.5:8443', createTlsServer(tls, podServer));
  server = await startTestServer({
    egress: network,
    kubeletClientCertificate: client.certificate,
    kubeletClientKey: client.key,
    kubeletCertificateAuthority: authority.certificate,
  });
  await server.call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  await server.call('POST', '/api/v1/nodes', {
    metadata: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'z1' } },
    status: { addresses: [{ type: 'InternalIP', address: '192.0.2.10' }] },
  });
  await running('web', { app: 'web' });
  await serviceOfWeb('tls', { name: 'secure', port: 443, targetPort: 8443 });
});
afterAll(() => server.stop());
beforeEach(() => {
  seen = [];
});

const manifest = (name: string, spec: object = {}, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: { containers: [{ name: 'c', image: 'host', ports: [{ containerPort: 8080 }] }], ...spec },
});

async function running(name: string, labels: Record<string, string> = {}): Promise<core.Pod> {
  await server.call('POST', PODS, manifest(name, { nodeName: 'n1' }, labels));
  const conditions = [{ type: 'Ready', status: 'True' }];
  const status = { phase: 'Running', podIP: '10.244.0.5', podIPs: [{ ip: '10.244.0.5' }], conditions };
  return server.call('PATCH', `${PODS}/${name}/status`, { status });
}

/** A Service whose endpoints are the Pod `web`, and an address that no Pod has. */
async function serviceOfWeb(
  name: string,
  port: { name: string; port: number; targetPort: number },
): Promise<void> {
  const namespace = '/api/v1/namespaces/default';
  await server.call('POST', `${namespace}/services`, { metadata: { name }, spec: { ports: [port] } });
  const targetRef = { kind: 'Pod', namespace: 'default', name: 'web' };
  const addresses = ['10.244.0.66', '10.244.0.5'].map((ip) => ({ ip, targetRef }));
  const subsets = [{ addresses, ports: [{ name: port.name, port: port.targetPort }] }];
  await server.call('POST', `${namespace}/endpoints`, { metadata: { name }, subsets });
}

async function refusal(promise: Promise<unknown>): Promise<StatusError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StatusError)) throw new Error(`expected a Status, got ${String(error)}`);
  return error;
}

async function get(url: string, headers: Record<string, string> = {}) {
  const response = await server.server.handle({
    method: 'GET',
    url,
    headers: { host: 'api.example:6443', ...headers },
    user: admin,
    signal: new AbortController().signal,
    body: async () => Buffer.alloc(0),
    stream: () => {
      throw new Error('no body');
    },
  });
  const parts: Buffer[] = [];
  if (Buffer.isBuffer(response.body)) parts.push(response.body);
  else for await (const part of response.body) parts.push(part);
  return { status: response.status, headers: response.headers, text: Buffer.concat(parts).toString() };
}

describe('logs', () => {
  it('come from the node agent over mutual TLS, with kubectl’s options', async () => {
    const { status, headers, text } = await get(`${PODS}/web/log?follow=true&tailLines=5&container=c`);
    expect([status, headers['content-type'], text]).toEqual([200, 'text/plain', 'line 1\nline 2\n']);
    expect(seen[0]).toMatchObject({
      url: '/containerLogs/default/web/c?follow=true&tailLines=5',
      peer: 'kube-apiserver-kubelet-client',
    });
  });

  it('answer what the node agent refused as BadRequest', async () => {
    await running('waiting');
    const error = await refusal(server.call('GET', `${PODS}/waiting/log`));
    expect([error.code, error.message]).toEqual([
      400,
      'container "c" in pod "waiting" is waiting to start: ContainerCreating',
    ]);
  });

  it('need a container name where there are several, and a valid one', async () => {
    const containers = [
      { name: 'a', image: 'host' },
      { name: 'b', image: 'host' },
    ];
    await server.call('POST', PODS, manifest('two', { nodeName: 'n1', containers }));
    expect((await refusal(server.call('GET', `${PODS}/two/log`))).message).toBe(
      'a container name must be specified for pod two, choose one of: [a b]',
    );
    expect((await refusal(server.call('GET', `${PODS}/two/log?container=x`))).message).toBe(
      'container x is not valid for pod two',
    );
  });

  it('are empty for a Pod without node, and 503 when the node cannot be reached', async () => {
    await server.call('POST', PODS, manifest('pending'));
    expect((await get(`${PODS}/pending/log`)).text).toBe('');
    await server.call('POST', '/api/v1/nodes', {
      metadata: { name: 'dead' },
      status: { addresses: [{ type: 'InternalIP', address: '192.0.2.99' }] },
    });
    await server.call('POST', PODS, manifest('lost', { nodeName: 'dead' }));
    expect(await refusal(server.call('GET', `${PODS}/lost/log`))).toMatchObject({ code: 503 });
  });
});

describe('streams', () => {
  async function upgrade(url: string, headers: Record<string, string>) {
    const [client, socket] = duplexPair();
    const request: UpgradeRequest = {
      method: 'GET',
      url,
      headers,
      user: admin,
      socket,
      head: Buffer.from('early '),
      signal: new AbortController().signal,
      body: async () => Buffer.alloc(0),
      stream: () => {
        throw new Error('no body');
      },
    };
    const done = server.server.upgrade(request);
    return { client, done };
  }

  async function readUntil(client: Duplex, text: string): Promise<string> {
    let all = '';
    for await (const chunk of client.iterator({ destroyOnReturn: false })) {
      all += chunk;
      if (all.includes(text)) break;
    }
    return all;
  }

  const websocket = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-protocol': 'v5.channel.k8s.io',
    authorization: 'Bearer x',
  };

  it('tunnel exec to the node agent byte for byte, without the caller’s credentials', async () => {
    const { client, done } = await upgrade(
      `${PODS}/web/exec?command=ls&command=-l&stdin=true&stdout=1&tty=false`,
      websocket,
    );
    expect(await readUntil(client, 'echo early ')).toContain('101 Switching Protocols');
    client.write('more');
    await readUntil(client, 'echo more');
    expect(seen[0]!.url).toBe('/exec/default/web/c?input=1&output=1&command=ls&command=-l');
    expect(seen[0]!.headers).toMatchObject({
      upgrade: 'websocket',
      'sec-websocket-protocol': 'v5.channel.k8s.io',
    });
    expect(seen[0]!.headers.authorization).toBeUndefined();
    client.end();
    await done;
  });

  it('tunnel port-forward with its ports', async () => {
    const { client, done } = await upgrade(`${PODS}/web/portforward?ports=80`, websocket);
    await readUntil(client, 'echo early ');
    expect(seen[0]!.url).toBe('/portForward/default/web?port=80');
    client.end();
    await done;
  });

  it('answer a Status on the socket when there is nothing to stream to', async () => {
    const { client, done } = await upgrade(`${PODS}/pending/exec?command=ls`, websocket);
    expect(await readUntil(client, '\r\n\r\n')).toContain('HTTP/1.1 400');
    client.destroy();
    await done;
  });

  it('without an upgrade are a bad request', async () => {
    expect((await refusal(server.call('POST', `${PODS}/web/exec?command=ls`))).message).toBe(
      'Upgrade request required',
    );
  });
});

describe('proxies', () => {
  it.each(['web', 'web:8080', 'http:web:8080'])(
    'reach the Pod as %s, path and query as sent',
    async (name) => {
      const { text } = await get(`${PODS}/${name}/proxy/a%2Fb/c?q=1&r=%20`);
      expect(text).toBe('pod says GET /a%2Fb/c?q=1&r=%20');
      expect(seen[0]!.headers['x-forwarded-uri']).toBe(`${PODS}/${name}/proxy/a%2Fb/c`);
    },
  );

  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'pass %s on with its body, and the answer back',
    async (method) => {
      const hasBody = method !== 'GET' && method !== 'HEAD';
      const answer = await server.call<string>(
        method,
        `${PODS}/web/proxy/any/path?q=1`,
        hasBody ? { some: 'body' } : undefined,
        { headers: { 'content-type': 'application/x-anything' } },
      );
      expect(seen[0]).toMatchObject({
        method,
        url: '/any/path?q=1',
        body: hasBody ? '{"some":"body"}' : '',
        headers: { 'content-type': 'application/x-anything', 'x-forwarded-proto': 'https' },
      });
      expect(answer).toBe(method === 'HEAD' ? '' : `pod says ${method} /any/path?q=1`);
    },
  );

  it.each(['https:web:8443', 'https:tls:secure', 'https:tls:443'])(
    'speak TLS to %s and do not ask who issued its certificate',
    async (name) => {
      const resource = name.includes('tls') ? 'services' : 'pods';
      const path = `/api/v1/namespaces/default/${resource}/${name}/proxy/x`;
      expect(await server.call<string>('GET', path)).toBe('pod says GET /x');
    },
  );

  it('redirect to the slash, so that relative links work', async () => {
    const { status, headers } = await get(`${PODS}/web/proxy?x=1`);
    expect([status, headers['location']]).toEqual([301, `${PODS}/web/proxy/?x=1`]);
  });

  it('rewrite links of pages and Location headers into the proxy', async () => {
    const page = await get(`${PODS}/web/proxy/page`);
    expect(page.text).toBe(
      `<html><a href="${PODS}/web/proxy/next">n</a><a href="rel">r</a><img src='https://other.example/x'></html>`,
    );
    expect((await get(`${PODS}/web/proxy/move`)).headers['location']).toBe(`${PODS}/web/proxy/elsewhere?x=1`);
  });

  it('withhold the caller’s credentials', async () => {
    await get(`${PODS}/web/proxy/x`, { authorization: 'Bearer secret', 'impersonate-user': '' });
    expect(seen[0]!.headers.authorization).toBeUndefined();
  });

  it('reach a Service through an endpoint that is a real Pod, by port name and number', async () => {
    const services = '/api/v1/namespaces/default/services';
    await serviceOfWeb('svc', { name: 'http', port: 80, targetPort: 8080 });
    for (const name of ['svc:http', 'svc:80', 'http:svc:http']) {
      expect((await get(`${services}/${name}/proxy/y`)).text).toBe('pod says GET /y');
    }
    expect((await refusal(server.call('GET', `${services}/svc:81/proxy/`))).message).toBe(
      'no service port 81 found for service "svc"',
    );
    expect((await refusal(server.call('GET', `${services}/svc:other/proxy/`))).message).toBe(
      'no endpoints available for service "svc:other"',
    );
  });

  it('reach the node agent with the server’s own certificate', async () => {
    expect((await get('/api/v1/nodes/n1/proxy/pods')).text).toBe('line 1\nline 2\n');
    expect(seen[0]).toMatchObject({ url: '/pods', peer: 'kube-apiserver-kubelet-client' });
  });

  it.each(['127.0.0.1', '169.254.169.254', '::1', '0.0.0.0'])(
    'never reach %s, whatever a Pod claims',
    async (ip) => {
      await server.call('PATCH', `${PODS}/two/status`, {
        status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
      });
      expect((await refusal(server.call('GET', `${PODS}/two:80/proxy/`))).message).toBe(
        'address not allowed',
      );
    },
  );

  it.each(['a:b:c:d', 'ftp:web:80', ':80'])('refuse the name %j', async (name) => {
    expect((await refusal(server.call('GET', `${PODS}/${name}/proxy/`))).code).toBe(400);
  });
});

describe('binding', () => {
  it('assigns a Pod once, with the labels of the node', async () => {
    await server.call('POST', PODS, manifest('bindme'));
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'bindme' },
      target: { kind: 'Node', name: 'n1' },
    };
    await server.call('POST', `${PODS}/bindme/binding`, binding);
    const pod = await server.call<core.Pod>('GET', `${PODS}/bindme`);
    expect(pod.spec!.nodeName).toBe('n1');
    expect(pod.metadata.labels).toMatchObject({ 'topology.kubernetes.io/zone': 'z1' });
    expect(pod.status!.conditions).toMatchObject([{ type: 'PodScheduled', status: 'True' }]);
    const again = await refusal(server.call('POST', '/api/v1/namespaces/default/bindings', binding));
    expect([again.code, again.message]).toEqual([
      409,
      expect.stringContaining('pod bindme is already assigned to node "n1"'),
    ]);
  });

  it('refuses targets that are no nodes', async () => {
    await server.call('POST', PODS, manifest('unbound'));
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: {}, target: { kind: 'Pod', name: '' } };
    expect(
      (await refusal(server.call('POST', `${PODS}/unbound/binding`, binding))).status.details!.causes!.map(
        (c) => c.field,
      ),
    ).toEqual(['target.kind', 'target.name']);
  });
});

describe('eviction', () => {
  const eviction = (name: string) => ({
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace: 'default' },
  });

  it('deletes, and respects a budget until it allows a disruption', async () => {
    const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
    await running('evict', { tier: 'evict' });
    await server.call('POST', budgets, {
      metadata: { name: 'b' },
      spec: { minAvailable: 1, selector: { matchLabels: { tier: 'evict' } } },
    });
    const early = await refusal(server.call('POST', `${PODS}/evict/eviction`, eviction('evict')));
    expect([early.code, early.status.details!.causes![0]!.message]).toEqual([
      429,
      'The disruption budget b is still being processed by the server.',
    ]);
    const status = {
      observedGeneration: 1,
      disruptionsAllowed: 0,
      currentHealthy: 1,
      desiredHealthy: 1,
      expectedPods: 1,
    };
    await server.call('PATCH', `${budgets}/b/status`, { status });
    const no = await refusal(server.call('POST', `${PODS}/evict/eviction`, eviction('evict')));
    expect(no.message).toBe("Cannot evict pod as it would violate the pod's disruption budget.");
    expect(no.status.details!.causes![0]!.message).toBe(
      'The disruption budget b needs 1 healthy pods and has 1 currently',
    );
    await server.call('PATCH', `${budgets}/b/status`, { status: { disruptionsAllowed: 1 } });
    await server.call('POST', `${PODS}/evict/eviction`, eviction('evict'));
    const pod = await server.call<core.Pod>('GET', `${PODS}/evict`);
    expect(pod.metadata.deletionTimestamp).toBeDefined();
    expect(pod.status!.conditions!.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
      reason: 'EvictionByEvictionAPI',
    });
    const budget = await server.call<policy.PodDisruptionBudget>('GET', `${budgets}/b`);
    expect(budget.status).toMatchObject({
      disruptionsAllowed: 0,
      disruptedPods: { evict: expect.any(String) },
    });
  });
});

describe('reviews', () => {
  it('list the rules of the caller', async () => {
    const answer = await server.call<authorization.SelfSubjectRulesReview>(
      'POST',
      '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectRulesReview',
        spec: { namespace: 'default' },
      },
    );
    expect(answer.status!.resourceRules).toContainEqual({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] });
    expect(answer.status!.nonResourceRules).toContainEqual({ verbs: ['*'], nonResourceURLs: ['*'] });
    expect(answer.status!.incomplete).toBe(false);
  });

  it('refuse a review of nothing, and of both kinds at once', async () => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const body = (spec: object) => ({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec,
    });
    expect((await refusal(server.call('POST', path, body({})))).code).toBe(422);
    const both = { resourceAttributes: { verb: 'get' }, nonResourceAttributes: { path: '/', verb: 'get' } };
    expect((await refusal(server.call('POST', path, body(both)))).code).toBe(422);
  });

  it('resize changes the resources of containers, and the generation, and nothing else', async () => {
    const resources = (cpu: string) => ({ requests: { cpu, memory: '64Mi' } });
    const containers = (cpu: string) => [{ name: 'c', image: 'i', resources: resources(cpu) }];
    const name = 'resized';
    await server.call('POST', PODS, { metadata: { name }, spec: { containers: containers('100m') } });
    const smaller = { name: 'c', resources: resources('200m') };
    const body = { metadata: { labels: { a: 'b' } }, spec: { hostname: 'h', containers: [smaller] } };
    const headers = { 'content-type': 'application/strategic-merge-patch+json' };
    const pod = await server.call<core.Pod>('PATCH', `${PODS}/${name}/resize`, body, { headers });
    expect(pod.spec!.containers[0]).toMatchObject({ image: 'i', resources: resources('200m') });
    expect([pod.metadata.generation, pod.metadata.labels, pod.spec!.hostname]).toEqual([
      2,
      undefined,
      undefined,
    ]);
    expect((await refusal(server.call('PATCH', `${PODS}/${name}`, { spec: body.spec }))).code).toBe(422);
  });
});
