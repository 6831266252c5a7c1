import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../apiserver/start-server.js';
import { findKubectl, Kubectl } from './kubectl.js';

const program = findKubectl();
const APP = '--as=system:serviceaccount:default:app';

describe.skipIf(program === undefined)('kubectl on identities, allocation and admission', () => {
  let server: TestServer;
  let kubectl: Kubectl;

  beforeAll(async () => {
    server = await startServer();
    kubectl = new Kubectl(program!, server.kubeconfig, server.dir);
    await kubectl.ok('create serviceaccount default');
    await kubectl.ok('create serviceaccount app');
  });
  afterAll(() => server?.close());

  /** Commands run in this order on one server; the pattern is looked for in what kubectl prints, errors included. */
  it.each<[string, RegExp]>([
    ['create token app', /^eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+$/],
    [
      'create token app --duration=5m',
      /spec\.expirationSeconds: Invalid value: 300: may not specify a duration less than 10 minutes/,
    ],
    ['create token app --audience=vault -o yaml', /audiences:\n {2}- vault/],
    ['auth whoami', /Username +admin\nGroups +\[system:masters system:authenticated\]/],
    ['auth can-i create pods', /^yes/],
    [`auth can-i list pods ${APP}`, /^no/],
    [
      `get pods ${APP}`,
      /Error from server \(Forbidden\): pods is forbidden: User "system:serviceaccount:default:app" cannot list resource "pods" in API group "" in the namespace "default"/,
    ],
    ['create role r --verb=get,list --resource=pods', /created/],
    ['create rolebinding rb --role=r --serviceaccount=default:app', /created/],
    [`get pods ${APP}`, /No resources found/],
    [`auth can-i --list ${APP}`, /pods +\[\] +\[\] +\[get list\]/],
    [
      'create service nodeport np --tcp=80:8080 --node-port=80',
      /provided port is not in the valid range\. The range of valid ports is 30000-32767/,
    ],
    ['create service nodeport np --tcp=80:8080 --node-port=30080', /service\/np created/],
    [
      'create service nodeport again --tcp=80:8080 --node-port=30080',
      /nodePort: Invalid value: 30080: provided port is already allocated/,
    ],
    [
      'create service clusterip fixed --tcp=80 --clusterip=10.96.0.1',
      /failed to allocate IP 10\.96\.0\.1: provided IP is already allocated/,
    ],
    ['get ipaddresses', /10\.96\.0\.1 +services\/default\/kubernetes/],
    ['get servicecidrs kubernetes', /kubernetes +10\.96\.0\.0\/16/],
    [
      'get endpoints kubernetes',
      /Warning: v1 Endpoints is deprecated in v1\.33\+; use discovery\.k8s\.io\/v1 EndpointSlice/,
    ],
    [
      'delete namespace default',
      /Error from server \(Forbidden\): namespaces "default" is forbidden: this namespace may not be deleted/,
    ],
    ['create configmap c -n nowhere', /namespaces "nowhere" not found/],
    ['run p --image=host', /pod\/p created/],
    // kubectl 1.36 prints no reason here.
    ['exec p -- ls', /(BadRequest\)|unable to upgrade connection): pod p does not have a host assigned/],
    ['delete pod p', /pod "p" deleted/],
    ['get --raw /.well-known/openid-configuration', /"issuer":"https:\/\/kubernetes\.default\.svc"/],
  ])('%s', async (command, pattern) => {
    const { stdout, stderr } = await kubectl.run(command);
    expect(stdout + stderr).toMatch(pattern);
  });
});
