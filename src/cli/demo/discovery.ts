import { expect, show, step, table } from './console.js';
import { hello } from './registration.js';
import { inClient, readyPods, type Session } from './session.js';

/** Discovery three ways, from inside the client Pod. */
export async function discoverySteps(session: Session, dnsIp: string): Promise<void> {
  await step(
    'discovery: DNS',
    "The Pod's resolv.conf points to the Service kube-dns; the search path makes short names work.",
    () => discoverByDns(session, dnsIp),
  );
  await step(
    'discovery: environment',
    'Services that existed when the Pod started are in its environment.',
    () => discoverByEnvironment(session),
  );
  await step(
    'discovery: the API',
    "https://kubernetes.default.svc, reached through its own ClusterIP with the Pod's service account token and CA.",
    () => discoverByApi(session),
  );
}

async function discoverByDns(session: Session, dnsIp: string): Promise<void> {
  const ip = (await hello(session)).spec!.clusterIP!;
  const resolvConf = await inClient<string>(session, 'resolvconf');
  show(`/etc/resolv.conf: ${resolvConf.trim().split('\n').join(' | ')}`);
  expect(resolvConf.includes(`nameserver ${dnsIp}`), `resolv.conf does not name ${dnsIp}`);
  const fqdn = 'hello.default.svc.cluster.local';
  const rows: string[][] = [];
  for (const name of ['hello', 'hello.default', fqdn]) {
    const found = await inClient<{ address: string }>(session, 'lookup', { name });
    rows.push([name, 'getaddrinfo (search path)', found.address]);
    expect(found.address === ip, `${name} resolved to ${found.address}, not ${ip}`);
  }
  const a = await inClient<string[]>(session, 'dns', { name: fqdn, type: 'A' });
  rows.push([fqdn, 'A', a.join(', ')]);
  const srv = await inClient<{ name: string; port: number }[]>(session, 'dns', {
    name: `_http._tcp.${fqdn}`,
    type: 'SRV',
  });
  rows.push([`_http._tcp.${fqdn}`, 'SRV', srv.map((s) => `${s.name}:${s.port}`).join(', ')]);
  table(['name', 'query', 'answer'], rows);
  expect(a.length === 1 && a[0] === ip, `A is ${a}`);
  expect(srv.length === 1 && srv[0]!.port === 80 && srv[0]!.name === fqdn, `SRV is ${JSON.stringify(srv)}`);
}

async function discoverByEnvironment(session: Session): Promise<void> {
  const env = await inClient<Record<string, string>>(session, 'env', { prefix: 'KUBERNETES_' });
  show(
    Object.entries(env)
      .map(([k, v]) => `${k}=${v}`)
      .join('\n'),
  );
  expect(env['KUBERNETES_SERVICE_HOST'] !== undefined, 'KUBERNETES_SERVICE_HOST is not set');
  const own = await inClient<Record<string, string>>(session, 'env', { prefix: 'HELLO_' });
  show(
    Object.entries(own)
      .map(([k, v]) => `${k}=${v}`)
      .join('\n'),
  );
  expect(
    own['HELLO_SERVICE_HOST'] === (await hello(session)).spec!.clusterIP,
    'HELLO_SERVICE_HOST is not the ClusterIP',
  );
}

async function discoverByApi(session: Session): Promise<void> {
  const answer = await inClient<{ status: number; body: { spec?: { clusterIP?: string } } }>(session, 'api', {
    path: '/api/v1/namespaces/default/services/hello',
  });
  show(
    `GET /api/v1/namespaces/default/services/hello -> ${answer.status}, clusterIP ${answer.body.spec?.clusterIP}`,
  );
  expect(answer.status === 200, `the API answered ${answer.status}`);
  expect(readyPods(session, 'hello').length === 3, 'the Pods are not all ready');
}
