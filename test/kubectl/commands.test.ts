import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../apiserver/start-server.js';
import { findKubectl, Kubectl } from './kubectl.js';

const program = findKubectl();

const MANIFEST = `
apiVersion: v1
kind: Service
metadata: {name: hello, labels: {tier: web}}
spec: {selector: {app: hello}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: b}
`;

describe.skipIf(program === undefined)('stock kubectl', () => {
  let server: TestServer;
  let kubectl: Kubectl;
  let manifest: string;

  beforeAll(async () => {
    server = await startServer();
    kubectl = new Kubectl(program!, server.kubeconfig, server.dir);
    manifest = join(server.dir, 'manifest.yaml');
    writeFileSync(manifest, MANIFEST);
    await kubectl.ok('create serviceaccount default');
    await kubectl.ok(['apply', '-f', manifest]);
  });
  afterAll(async () => {
    await server?.close();
  });

  it('reports the server version', async () => {
    const { serverVersion } = JSON.parse(await kubectl.ok('version -o json'));
    expect(serverVersion).toMatchObject({ major: '1', minor: '36' });
  });

  /** Command line, then what its output must match. Commands run in this order on one server. */
  it.each<[string, RegExp[]]>([
    ['api-resources', [/^services\s+svc\s+v1\s+true\s+Service$/m, /^leases\s+coordination/m]],
    ['api-versions', [/^apps\/v1$/m, /^discovery\.k8s\.io\/v1$/m, /^v1$/m]],
    ['get namespaces', [/^NAME\s+STATUS\s+AGE\ndefault\s+Active/]],
    [
      'get svc',
      [
        /^NAME\s+TYPE\s+CLUSTER-IP\s+EXTERNAL-IP\s+PORT\(S\)\s+AGE$/m,
        /^hello\s+ClusterIP\s+10\.96\.\d+\.\d+\s+<none>\s+80\/TCP/m,
      ],
    ],
    ['get svc -o wide', [/SELECTOR$/m, /app=hello$/m]],
    ['get svc hello -o yaml', [/^kind: Service$/m, /^ {2}type: ClusterIP$/m]],
    ['get svc hello -o json', [/"kind": "Service"/]],
    ['get svc -l tier=web -o name', [/^service\/hello\n$/]],
    ['get svc --field-selector=metadata.name=hello -o name', [/^service\/hello\n$/]],
    ['get svc,cm -A -o name', [/service\/kubernetes/, /configmap\/settings/]],
    ['get all', [/^service\/hello/m]],
    ['get svc --chunk-size=1 -o name', [/service\/hello\nservice\/kubernetes\n/]],
    ['describe svc hello', [/^Type:\s+ClusterIP$/m, /^IP:\s+10\.96\./m, /^Selector:\s+app=hello$/m]],
    ['describe svc kubernetes', [/^Endpoints:\s+192\.0\.2\.10:\d+$/m]],
    ['explain service.spec.ports', [/FIELD: ports <\[\]ServicePort>/, /targetPort\s+<IntOrString>/]],
    ['explain deployment', [/^GROUP:\s+apps$/m]],
    ['create deployment web --image=host --replicas=2', [/deployment\.apps\/web created/]],
    ['get deployments', [/^web\s+0\/2\s+0\s+0/m]],
    ['scale deployment web --replicas=5', [/deployment\.apps\/web scaled/]],
    ['get deployment web -o jsonpath={.spec.replicas}/{.metadata.generation}', [/^5\/2$/]],
    ['expose deployment web --port=80 --target-port=8080', [/service\/web exposed/]],
    ['set image deployment/web host=host:2', [/image updated/]],
    ['create service clusterip made --tcp=80:8080', [/service\/made created/]],
    ['create service nodeport ported --tcp=80:8080', [/service\/ported created/]],
    ['get svc ported', [/^ported\s+NodePort\s+\S+\s+<none>\s+80:3\d{4}\/TCP/m]],
    ['create configmap made --from-literal=k=v', [/configmap\/made created/]],
    ['create secret generic made --from-literal=k=v', [/secret\/made created/]],
    ['get secret made -o jsonpath={.data.k}', [/^dg==$/]],
    ['create namespace team', [/namespace\/team created/]],
    ['create job once --image=host -- true', [/job\.batch\/once created/]],
    ['create token default', [/^eyJ[\w-]+\.[\w-]+\.[\w-]+\n?$/]],
    ['run single --image=host', [/pod\/single created/]],
    ['get pod single', [/^single\s+0\/1\s+Pending\s+0/m]],
    ['describe pod single', [/^Status:\s+Pending$/m, /kube-api-access/]],
    ['label svc hello color=blue', [/service\/hello labeled/]],
    ['annotate svc hello note=x', [/service\/hello annotated/]],
    ['get svc hello -o jsonpath={.metadata.labels.color}{.metadata.annotations.note}', [/^bluex$/]],
    ['wait --for=jsonpath={.spec.type}=ClusterIP svc/hello --timeout=10s', [/service\/hello condition met/]],
    ['wait --for=delete svc/never --timeout=10s', [/^$/]],
    ['auth whoami', [/^Username\s+admin$/m, /system:masters/]],
    ['auth can-i create pods', [/^yes$/m]],
    ['delete svc made ported --wait=true', [/service "made" deleted/, /service "ported" deleted/]],
    ['delete pod single --now', [/pod "single" (force )?deleted/]],
    ['get --raw /readyz', [/^ok$/]],
    ['cluster-info', [/Kubernetes control plane.* is running at/]],
  ])('%s', async (command, patterns) => {
    const output = await kubectl.ok(command);
    for (const pattern of patterns) expect(output).toMatch(pattern);
  });

  it('says no to those who may not', async () => {
    const { code, stdout } = await kubectl.run(
      'auth can-i create pods --as=system:serviceaccount:default:default',
    );
    expect([code, stdout.trim()]).toEqual([1, 'no']);
  });

  it('applies client-side: unchanged the second time, pruned when a field goes', async () => {
    expect(await kubectl.ok(['apply', '-f', manifest])).toContain('configmap/settings unchanged');
    const input =
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"pruned"},"data":{"a":"1","b":"2"}}';
    await kubectl.ok('apply -f -', { input });
    await kubectl.ok('apply -f -', { input: input.replace(',"b":"2"', '') });
    expect(await kubectl.ok('get cm pruned -o jsonpath={.data}')).toBe('{"a":"1"}');
  });

  it('applies server-side, reports conflicts, and forces them', async () => {
    const map = (value: string) =>
      `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"ssa"},"data":{"a":"${value}"}}`;
    await kubectl.ok('apply --server-side --field-manager=one -f -', { input: map('1') });
    const refused = await kubectl.run('apply --server-side --field-manager=two -f -', { input: map('2') });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('Apply failed with 1 conflict: conflict with "one": .data.a');
    await kubectl.ok('apply --server-side --force-conflicts --field-manager=two -f -', { input: map('2') });
    expect(await kubectl.ok('get cm ssa -o jsonpath={.data.a}')).toBe('2');
  });

  it('takes a client-side applied object over to server-side apply', async () => {
    const input = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"moved"},"data":{"a":"1"}}';
    await kubectl.ok('apply -f -', { input });
    await kubectl.ok('apply --server-side -f -', { input });
    const managers = await kubectl.ok(
      'get cm moved --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}',
    );
    expect(managers.split(' ').sort()).toEqual(['kubectl', 'kubectl-last-applied']);
  });

  it('refuses manifests with unknown fields, and says where', async () => {
    const input = '{"apiVersion":"v1","kind":"Service","metadata":{"name":"bad"},"spec":{"prots":[]}}';
    const { code, stderr } = await kubectl.run('apply -f -', { input });
    expect(code).toBe(1);
    expect(stderr).toContain('unknown field "spec.prots"');
  });

  it('patches three ways', async () => {
    await kubectl.ok(['patch', 'svc', 'hello', '-p', '{"spec":{"ports":[{"port":80,"name":"http"}]}}']);
    await kubectl.ok(['patch', 'svc', 'hello', '--type=merge', '-p', '{"metadata":{"labels":{"m":"1"}}}']);
    await kubectl.ok([
      'patch',
      'svc',
      'hello',
      '--type=json',
      '-p',
      '[{"op":"remove","path":"/metadata/labels/m"}]',
    ]);
    expect(await kubectl.ok('get svc hello -o jsonpath={.spec.ports[0].name}{.metadata.labels.m}')).toBe(
      'http',
    );
  });

  it('edits with an editor', async () => {
    const env = { EDITOR: 'sed -i s/8080/9090/' };
    expect(await kubectl.ok('edit svc hello', { env })).toContain('service/hello edited');
    expect(await kubectl.ok('get svc hello -o jsonpath={.spec.ports[0].targetPort}')).toBe('9090');
  });

  it('shows differences and changes nothing in a server-side dry run', async () => {
    const diff = await kubectl.run(['diff', '-f', manifest]);
    expect(diff.code).toBe(1);
    expect(diff.stdout).toMatch(/^-\s+targetPort: 9090$/m);
    expect(await kubectl.ok(['apply', '--dry-run=server', '-f', manifest])).toContain('(server dry run)');
    expect(await kubectl.ok('get svc hello -o jsonpath={.spec.ports[0].targetPort}')).toBe('9090');
  });

  it('deletes what a manifest holds, and waits until it is gone', async () => {
    await kubectl.ok(['delete', '-f', manifest]);
    const { code, stderr } = await kubectl.run('get svc hello');
    expect([code, stderr.trim()]).toEqual([1, 'Error from server (NotFound): services "hello" not found']);
  });

  it('follows changes with get --watch', async () => {
    const child = spawn(program!, ['get', 'configmaps', '--watch', '-o', 'name'], {
      env: { PATH: process.env['PATH'], HOME: server.dir, KUBECONFIG: server.kubeconfig },
    });
    try {
      let output = '';
      const seen = new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk) => {
          output += String(chunk);
          if (output.includes('configmap/watched')) resolve();
        });
      });
      await kubectl.ok('create configmap watched');
      await seen;
      expect(output).toContain('configmap/watched');
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  });
});
