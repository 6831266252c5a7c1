import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signingRequest } from '#base/testing';
import { startServer, type TestServer } from '../apiserver/start-server.js';
import { findKubectl, Kubectl } from './kubectl.js';

const program = findKubectl();

/** A command line and what kubectl must print, errors included. Commands of a table run in order on one server. */
type Row = [command: string, output: RegExp];

const NODE = `{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"},
  "status":{"conditions":[{"type":"Ready","status":"True"}]}}`;
const POD_ON_NODE = '{"spec":{"nodeName":"n1"}}';
const ROLE = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reconciled}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
`;
const maps = (...names: string[]) =>
  names
    .map((name) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, labels: {set: pruned}}\n`)
    .join('---\n');

const creating: Row[] = [
  ['create namespace team', /namespace\/team created/],
  ['create serviceaccount robot', /serviceaccount\/robot created/],
  ['create clusterrole reader --verb=get,list --resource=pods,deployments.apps', /reader created/],
  ['create clusterrole probe --verb=get --non-resource-url=/healthz', /probe created/],
  ['create clusterrolebinding reads --clusterrole=reader --user=jane', /reads created/],
  ['create quota few --hard=pods=10,services=20', /resourcequota\/few created/],
  ['create poddisruptionbudget least --selector=app=a --min-available=1', /least created/],
  ['create priorityclass high --value=1000 --description=x', /priorityclass.*high created/],
  ['create cronjob tick --image=host --schedule=@hourly -- true', /cronjob.batch\/tick created/],
  ['create job once --from=cronjob/tick', /job.batch\/once created/],
  ['create ingress front --rule=a.example/path=svc:80,tls=cert', /front created/],
  ['create service externalname far --external-name=x.example', /service\/far created/],
  ['create service loadbalancer lb --tcp=80:8080', /service\/lb created/],
  ['create secret docker-registry pull --docker-username=u --docker-password=p', /pull created/],
  ['create deployment dry --image=host --dry-run=server', /dry created \(server dry run\)/],
  ['create deployment web --image=host --port=80', /deployment.apps\/web created/],
  ['expose deployment web --type=NodePort --name=outside', /service\/outside exposed/],
  ['get ingress', /^front +<none> +a\.example +80, 443 +\d+s$/m],
  ['get pdb', /^least +1 +N\/A +0 +\d+s$/m],
  ['get cronjobs', /^tick +@hourly +<none> +False +0 +<none> +\d+s$/m],
  ['get jobs', /^once +(Running|Suspended)? *0\/1 +/m],
  ['get priorityclasses high', /^high +1000 +false +\d+s/m],
  [
    'get svc far lb',
    /^far +ExternalName +<none> +x\.example +<none>[\s\S]*^lb +LoadBalancer +\S+ +<pending>/m,
  ],
  ['describe quota few', /^Name: +few$/m],
  ['describe ingress front', /a\.example +\n? *\/path +svc:80/],
  ['describe namespace default', /^Status: +Active$/m],
  ['describe serviceaccount robot', /^Name: +robot$/m],
  ['describe clusterrole reader', /deployments\.apps +\[\] +\[\] +\[get list\]/],
  ['describe cronjob tick', /^Schedule: +@hourly$/m],
];

const changing: Row[] = [
  ['set env deployment/web A=b', /env updated/],
  ['set env deployment/web --list', /^A=b$/m],
  ['set resources deployment/web --limits=cpu=100m,memory=64Mi', /resource requirements updated/],
  ['set serviceaccount deployment/web robot', /serviceaccount updated/],
  ['set selector service/outside app=other', /selector updated/],
  ['set image deployment/web *=host:2', /image updated/],
  ['set subject clusterrolebinding/reads --group=readers', /subjects updated/],
  ['get deployment web -o jsonpath={.spec.template.spec.containers[0]}', /"limits":\{"cpu":"100m"/],
  ['label svc outside tier=a', /labeled/],
  ['label svc outside tier=b', /'tier' already has a value \(a\), and --overwrite is false/],
  ['label svc outside tier=b --overwrite', /labeled/],
  ['label svc outside tier-', /unlabeled/],
  ['annotate svc --all note=x --overwrite', /service\/outside annotated/],
  ['label svc outside a=b --resource-version=1', /the object has been modified; please apply your changes/],
  ['rollout pause deployment/web', /deployment.apps\/web paused/],
  ['get deployment web -o jsonpath={.spec.paused}', /^true$/],
  ['rollout pause deployment/web', /is already paused/],
  ['rollout resume deployment/web', /deployment.apps\/web resumed/],
  ['rollout restart deployment/web', /deployment.apps\/web restarted/],
  ['rollout history deployment/web', /No rollout history found/],
  ['rollout undo deployment/web', /no rollout history found/],
  ['get deployment web --subresource=status', /^web +0\/1 /m],
  ['get deployment web --subresource=scale', /^NAME +DESIRED +AVAILABLE +AGE\nweb +1 +0 +/],
  ['patch deployment web --subresource=scale --type=merge -p {"spec":{"replicas":3}}', /scale.* patched/],
  ['patch deployment web --subresource=status --type=merge -p {"status":{"replicas":2}}', /web patched/],
  ['get deployment web --subresource=scale', /^web +3 +2 /m],
  ['scale deployment web --current-replicas=7 --replicas=1', /Expected replicas to be 7, was 3/],
  // kubectl 1.36 makes autoscaling/v2, older ones autoscaling/v1.
  [
    'autoscale deployment web --max=3 --cpu-percent=70',
    /horizontalpodautoscaler.autoscaling\/web autoscaled/,
  ],
  ['get hpa web', /^web +Deployment\/web +cpu: <unknown>\/70% +1 +3 +0 +/m],
  [
    'get horizontalpodautoscalers.v1.autoscaling web -o jsonpath={.spec.targetCPUUtilizationPercentage}',
    /^70$/,
  ],
  [
    'patch horizontalpodautoscalers.v1.autoscaling web --type=merge -p {"spec":{"maxReplicas":4}}',
    /web patched/,
  ],
  ['get hpa web -o jsonpath={.apiVersion}/{.spec.maxReplicas}', /^autoscaling\/v2\/4$/],
  ['delete hpa web', /"web" deleted/],
  ['top nodes', /Metrics API not available/],
  ['debug pod/none --image=host', /pods "none" not found/],
];

const onNodes: Row[] = [
  ['wait --for=condition=Ready node/n1 --timeout=10s', /condition met/],
  ['wait --for=jsonpath={.metadata.name}=n1 node --all --timeout=10s', /condition met/],
  ['wait --for=create node/n1 --timeout=10s', /condition met/],
  ['wait --for=condition=Never node/n1 --timeout=1s', /timed out waiting for the condition on nodes\/n1/],
  ['taint node n1 dedicated=x:NoSchedule', /node\/n1 tainted/],
  ['taint node n1 dedicated=y:NoSchedule', /already has dedicated taint\(s\).*--overwrite is false/],
  ['taint node n1 dedicated-', /node\/n1 untainted/],
  ['cordon n1', /node\/n1 cordoned/],
  ['get nodes', /^n1 +Ready,SchedulingDisabled +<none> /m],
  ['uncordon n1', /node\/n1 uncordoned/],
  [`run alone --image=host --overrides=${POD_ON_NODE}`, /pod\/alone created/],
  ['drain n1', /cannot delete (cannot delete )?Pods that declare no controller/],
  ['drain n1 --force --dry-run=server', /evicting pod default\/alone \(server dry run\)/],
  ['drain n1 --force --grace-period=0', /pod\/alone evicted\nnode\/n1 drained/],
  ['get pods alone', /pods "alone" not found/],
  ['describe node n1', /^Unschedulable: +true$/m],
];

const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';
const request = (name: string) => `{"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequest",
  "metadata":{"name":"${name}"},"spec":{"signerName":"${CLIENT_SIGNER}","usages":["client auth"],
  "expirationSeconds":86400,"request":"${Buffer.from(signingRequest(name)).toString('base64')}"}}`;

const onRequests: Row[] = [
  ['get csr', /^NAME +AGE +SIGNERNAME +REQUESTOR +REQUESTEDDURATION +CONDITION\n/],
  ['get csr jane', /^jane +\d+s +kubernetes.io\/kube-apiserver-client +admin +24h +Pending$/m],
  ['certificate approve jane', /certificatesigningrequest.certificates.k8s.io\/jane approved/],
  ['certificate approve jane', /jane approved/],
  ['certificate deny jane', /^error: certificate signing request "jane"/],
  ['certificate deny john', /certificatesigningrequest.certificates.k8s.io\/john denied/],
  ['get csr -w=false', /^jane .* Approved\njohn .* Denied$/m],
  [`get csr --field-selector=spec.signerName=${CLIENT_SIGNER} -o name`, /\/jane\n.*\/john\n/],
  ['get csr --field-selector=spec.signerName=a.b/c', /No resources found/],
  ['get csr --field-selector=spec.username=a', /field label not supported: spec.username/],
  ['get csr jane --subresource=approval', /^jane .* Approved$/m],
  [
    'describe csr jane',
    /^Requesting User: +admin\nSigner: .*\nRequested Duration: +24h\nStatus: +Approved$/m,
  ],
  ['describe csr jane', /Common Name: +jane/],
  ['auth can-i create certificatesigningrequests/selfnodeclient --as=jane', /^no$/m],
  ['explain csr.status.certificate', /FIELD: certificate <string>/],
  ['certificate approve missing', /certificatesigningrequests.certificates.k8s.io "missing" not found/],
  ['delete csr --all', /"jane" deleted/],
];

const asking: Row[] = [
  ['auth can-i --list', /^\*\.\* +\[\] +\[\] +\[\*\]$/m],
  ['auth can-i get pods --subresource=log', /^yes/],
  ['auth can-i get pods --as=jane', /^yes/],
  ['auth can-i get pods --as=john', /^no/],
  ['auth can-i get /healthz --as=john', /^yes/],
  ['auth whoami -o jsonpath={.status.userInfo.username} --as=john', /^john$/],
  ['auth whoami', /^Extra: authentication.kubernetes.io\/credential-id +\[X509SHA256=[0-9a-f]{64}\]$/m],
  ['auth reconcile -f role.yaml', /reconciliation required create\n\tmissing rules added/],
  ['auth reconcile -f role.yaml', /^clusterrole.rbac.authorization.k8s.io\/reconciled reconciled\n$/],
  ['api-resources -o wide', /^services +svc +v1 +true +Service +create,delete,\S+,watch +all$/m],
  ['api-resources --api-group=apps --verbs=list --namespaced -o name', /^controllerrevisions\.apps$/m],
  ['explain pod.spec.containers --recursive', /^ {2}readinessProbe\t<Probe>\n {4}exec\t<ExecAction>$/m],
  ['explain service --output=plaintext-openapiv2', /KIND: +Service/],
  ['events', /No events found in default namespace/],
  ['get events --field-selector=type=Warning', /No resources found/],
  ['get svc --sort-by=.metadata.name -o custom-columns=NAME:.metadata.name', /^NAME\nfar\nkubernetes\nlb/],
  ['get svc far -o go-template={{.spec.type}}', /^ExternalName$/],
  ['get svc far --show-labels', /^NAME.*LABELS\nfar .*app=far$/m],
  ['get svc -L note', /^NAME.*NOTE$/m],
  ['get svc far missing', /^Error from server \(NotFound\): services "missing" not found$/m],
  ['get nosuch', /the server doesn't have a resource type "nosuch"/],
  ['get svc --field-selector=spec.nope=1', /field label not supported: spec.nope/],
  ['get events.events.k8s.io', /No resources found/],
  ['cluster-info dump --namespaces=default', /"kind": "ServiceList"/],
  ['delete svc missing --ignore-not-found', /^$/],
  ['delete svc missing', /^Error from server \(NotFound\): services "missing" not found/],
  ['delete job,cronjob --all', /job.batch "once" deleted/],
];

describe.skipIf(program === undefined)('stock kubectl, table by table', () => {
  let server: TestServer;
  let kubectl: Kubectl;
  const file = (name: string, text: string, mode = 0o600) => {
    writeFileSync(join(server.dir, name), text, { mode });
    return join(server.dir, name);
  };
  const matches = async (command: string, pattern: RegExp) => {
    const args = command.split(' ').map((word) => (word === 'role.yaml' ? join(server.dir, word) : word));
    const { stdout, stderr } = await kubectl.run(args);
    expect(stderr + stdout).toMatch(pattern);
  };

  beforeAll(async () => {
    server = await startServer();
    kubectl = new Kubectl(program!, server.kubeconfig, server.dir);
    await kubectl.ok('create serviceaccount default');
    await kubectl.ok('create -f -', { input: NODE });
    file('role.yaml', ROLE);
  });
  afterAll(() => server?.close());

  describe('creates', () => {
    it.each(creating)('%s', matches);
  });
  describe('changes', () => {
    it.each(changing)('%s', matches);
  });
  describe('handles nodes', () => {
    it.each(onNodes)('%s', matches);
  });
  describe('handles certificate requests', () => {
    beforeAll(() => kubectl.ok('create -f -', { input: request('jane') + request('john') }));
    it.each(onRequests)('%s', matches);
  });
  describe('asks', () => {
    it.each(asking)('%s', matches);
  });

  it('prunes what a manifest no longer holds: apply --prune', async () => {
    const prune = (text: string) =>
      kubectl.ok('apply -f - --prune -l set=pruned --prune-allowlist=core/v1/ConfigMap', { input: text });
    await prune(maps('kept', 'dropped'));
    expect(await prune(maps('kept'))).toMatch(/configmap\/kept unchanged\nconfigmap\/dropped pruned/);
  });

  it('prunes by apply sets: apply --applyset', async () => {
    const env = { KUBECTL_APPLYSET: 'true' };
    const apply = (text: string) =>
      kubectl.ok('apply -n default -f - --prune --applyset=mine', { input: text, env });
    await apply(maps('in-set', 'left'));
    expect(await apply(maps('in-set'))).toContain('configmap/left pruned');
  });

  it('replaces objects, by update and by deletion: replace, replace --force', async () => {
    const path = file('replace.yaml', maps('replaced'));
    await kubectl.ok(['create', '-f', path]);
    expect(await kubectl.ok(['replace', '-f', path])).toContain('configmap/replaced replaced');
    const uid = 'get cm replaced -o jsonpath={.metadata.uid}';
    const before = await kubectl.ok(uid);
    expect(await kubectl.ok(['replace', '--force', '-f', path])).toContain('configmap/replaced replaced');
    expect(await kubectl.ok(uid)).not.toBe(before);
    const missing = await kubectl.run('replace -f -', { input: maps('missing') });
    expect(missing.stderr).toContain('configmaps "missing" not found');
  });

  it('opens an editor on a subresource: edit --subresource', async () => {
    const EDITOR = file('editor', '#!/bin/sh\nsed -i "s/^  replicas: 2$/  replicas: 5/" "$1"\n', 0o700);
    const output = await kubectl.ok('edit deployment web --subresource=status', { env: { EDITOR } });
    expect(output).toContain('deployment.apps/web edited');
    expect(await kubectl.ok('get deployment web -o jsonpath={.spec.replicas}/{.status.replicas}')).toBe(
      '3/5',
    );
  });

  it('waits for an object that another makes: wait --for=create, wait --for=delete', async () => {
    const created = kubectl.ok('wait --for=create configmap/awaited --timeout=20s');
    await kubectl.ok('create configmap awaited');
    expect(await created).toContain('configmap/awaited condition met');
    const deleted = kubectl.ok('wait --for=delete configmap/awaited --timeout=20s');
    await kubectl.ok('delete configmap awaited');
    await deleted;
  });

  it('serves as a gateway: kubectl proxy', async () => {
    const child = spawn(program!, ['proxy', '--port=0'], {
      env: { PATH: process.env['PATH'], HOME: server.dir, KUBECONFIG: server.kubeconfig },
    });
    try {
      const url = await proxyAddress(child);
      const answer = await fetch(`${url}/api/v1/namespaces/default/services/kubernetes`);
      expect(await answer.json()).toMatchObject({ kind: 'Service', metadata: { name: 'kubernetes' } });
      const watch = await fetch(`${url}/api/v1/services?watch=1&timeoutSeconds=1`);
      expect(await watch.text()).toContain('"type":"ADDED"');
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  });
});

async function proxyAddress(child: ChildProcess): Promise<string> {
  let output = '';
  for await (const chunk of child.stdout!) {
    output += String(chunk);
    const address = /127\.0\.0\.1:\d+/.exec(output)?.[0];
    if (address !== undefined) return `http://${address}`;
  }
  throw new Error(`kubectl proxy ended: ${output}`);
}
