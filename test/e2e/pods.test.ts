import { describe, expect, it } from 'vitest';
import { IDLE, pod, shell, webPod } from './manifests.js';
import { useCluster, useSpace } from './space.js';

const TIMEOUT = { timeout: 60_000, interval: 500 };

describe('the life of Pods', () => {
  const cluster = useCluster();
  const newSpace = useSpace(cluster);

  it('answers an image it cannot have with ErrImagePull, ImagePullBackOff and what to do', async () => {
    const s = await newSpace();
    await s.apply(pod('bad', IDLE, { container: { image: 'nginx:1.27' } }));
    const waiting = '{.status.containerStatuses[0].state.waiting}';
    await expect.poll(() => s.field('pod bad', waiting), TIMEOUT).toMatch(/ImagePullBackOff/);
    expect(await s.field('pod bad', waiting)).toContain('image: host');
    await expect.poll(() => s.ok(['describe', 'pod', 'bad']), TIMEOUT).toMatch(/ErrImagePull/);
    expect(await s.field('pod bad', '{.status.phase}')).toBe('Pending');
  });

  it('says why a program cannot be started, and what a container could not find', async () => {
    const s = await newSpace();
    const reference = [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'missing', key: 'x' } } }];
    await s.apply(
      pod('nowhere', '', { container: { command: ['/no/such/program'] }, spec: { restartPolicy: 'Never' } }),
      pod('lacking', IDLE, { container: { env: reference } }),
    );
    const terminated = '{.status.containerStatuses[0].state.terminated}';
    await expect.poll(() => s.field('pod nowhere', terminated), TIMEOUT).toMatch(/"reason":"StartError"/);
    expect(await s.field('pod nowhere', terminated)).toContain('no such file or directory');
    const waiting = '{.status.containerStatuses[0].state.waiting}';
    await expect.poll(() => s.field('pod lacking', waiting), TIMEOUT).toMatch(/CreateContainerConfigError/);
    expect(await s.field('pod lacking', waiting)).toContain('configmap \\"missing\\" not found');
    await s.ok(['create', 'configmap', 'missing', '--from-literal=x=found']);
    await s.ready('pod/lacking');
    expect(await s.exec('lacking', 'printenv', 'X')).toBe('found\n');
  });

  it('restarts what fails its liveness probe, and backs off from what keeps crashing', async () => {
    const s = await newSpace();
    const livenessProbe = {
      exec: { command: ['sh', '-c', 'test ! -e /scratch/sick'] },
      periodSeconds: 1,
      failureThreshold: 1,
    };
    await s.apply(
      pod('lives', `rm -f /scratch/sick; ${IDLE}`, {
        container: { livenessProbe, volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] },
        spec: { volumes: [{ name: 'scratch', emptyDir: {} }] },
      }),
      pod('crashes', 'echo dying; exit 4'),
    );
    await s.ready('pod/lives');
    await s.exec('lives', 'touch', '/scratch/sick');
    await expect
      .poll(() => s.field('pod lives', '{.status.containerStatuses[0].restartCount}'), TIMEOUT)
      .toBe('1');
    await s.ready('pod/lives');
    expect(await s.ok(['describe', 'pod', 'lives'])).toMatch(/Liveness probe failed/);
    await expect
      .poll(() => s.field('pod crashes', '{.status.containerStatuses[0]}'), TIMEOUT)
      .toMatch(/CrashLoopBackOff/);
    expect(await s.field('pod crashes', '{.status.containerStatuses[0].lastState.terminated}')).toMatch(
      /"exitCode":4.*"reason":"Error"/,
    );
    expect(await s.ok(['logs', 'crashes', '--previous'])).toBe('dying\n');
  });

  it('lets a container finish on SIGTERM, runs its preStop hook, and kills it when its grace is over', async () => {
    const s = await newSpace();
    const lifecycle = { preStop: { exec: { command: ['sh', '-c', 'echo pre-stop >/proc/1/fd/1'] } } };
    await s.apply(
      pod('polite', 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 1 & wait $!; done', {
        container: { lifecycle },
        spec: { terminationGracePeriodSeconds: 30 },
      }),
      pod('stubborn', 'trap "" TERM; while :; do sleep 1; done', {
        spec: { terminationGracePeriodSeconds: 2 },
      }),
    );
    await s.ready('pod --all');
    const logs = s.stream(['logs', '-f', 'polite']);
    await logs.until(/up/);
    await s.ok(['delete', 'pod', 'polite', '--timeout=60s']);
    await logs.exitCode;
    expect(logs.output).toBe('up\npre-stop\nbye\n');
    await s.ok(['delete', 'pod', 'stubborn', '--timeout=60s']);
  });

  it('runs init containers in order, keeps sidecars beside the rest, and ends them last', async () => {
    const s = await newSpace();
    const mount = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] };
    await s.apply(
      pod(
        'staged',
        'echo main >> /shared/log; cat /shared/log; until [ -e /shared/end ]; do sleep 0.2; done',
        {
          container: mount,
          spec: {
            restartPolicy: 'Never',
            volumes: [{ name: 'shared', emptyDir: {} }],
            initContainers: [
              shell('first', 'echo first >> /shared/log', mount),
              shell('side', `echo side >> /shared/log; ${IDLE}`, { ...mount, restartPolicy: 'Always' }),
              shell(
                'second',
                'until grep -q side /shared/log; do sleep 0.1; done; echo second >> /shared/log',
                mount,
              ),
            ],
          },
        },
      ),
    );
    await s.ready('pod/staged');
    expect(await s.ok(['logs', 'staged', '-c', 'main'])).toBe('first\nside\nsecond\nmain\n');
    expect(await s.ok(['get', 'pod', 'staged'])).toMatch(/staged +2\/2 +Running/);
    await s.ok(['exec', 'staged', '-c', 'side', '--', 'touch', '/shared/end']);
    await s.ok(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/staged', '--timeout=60s']);
  });

  it('gives the environment: literals, downward API, config maps, secrets, Services', async () => {
    const s = await newSpace();
    await s.ok(['create', 'configmap', 'conf', '--from-literal=COLOUR=blue', '--from-literal=file=text']);
    await s.ok(['create', 'secret', 'generic', 'hidden', '--from-literal=password=s3cret']);
    await s.ok(['create', 'service', 'clusterip', 'backend', '--tcp=80:8080']);
    const from = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });
    await s.apply(
      pod('env', IDLE, {
        container: {
          envFrom: [{ configMapRef: { name: 'conf' } }],
          env: [
            { name: 'GREETING', value: 'hello $(COLOUR)' },
            { name: 'NAME', ...from('metadata.name') },
            { name: 'NS', ...from('metadata.namespace') },
            { name: 'IP', ...from('status.podIP') },
            { name: 'NODE', ...from('spec.nodeName') },
            { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'hidden', key: 'password' } } },
            { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          ],
          resources: { limits: { cpu: '1' } },
        },
      }),
    );
    await s.ready('pod/env');
    const environment = await s.exec('env', 'env');
    const [ip, node] = (await s.field('pod env', '{.status.podIP} {.spec.nodeName}')).split(' ');
    for (const line of ['COLOUR=blue', 'GREETING=hello blue', 'NAME=env', `NS=${s.namespace}`, `IP=${ip}`]) {
      expect(environment).toContain(`${line}\n`);
    }
    for (const line of [`NODE=${node}`, 'PASSWORD=s3cret', 'CPU=1', 'BACKEND_SERVICE_PORT=80']) {
      expect(environment).toContain(`${line}\n`);
    }
    expect(environment).toContain('KUBERNETES_SERVICE_HOST=10.96.0.1\n');
    expect(await s.exec('env', 'hostname')).toBe('env\n');
  });

  it('mounts config maps, secrets and tokens, and follows their changes', async () => {
    const s = await newSpace();
    await s.ok(['create', 'configmap', 'conf', '--from-literal=file=one']);
    await s.ok(['create', 'secret', 'generic', 'hidden', '--from-literal=password=s3cret']);
    const mounts = [
      { name: 'conf', mountPath: '/etc/conf' },
      { name: 'hidden', mountPath: '/etc/hidden', readOnly: true },
    ];
    const volumes = [
      { name: 'conf', configMap: { name: 'conf' } },
      { name: 'hidden', secret: { secretName: 'hidden', defaultMode: 0o400 } },
    ];
    await s.apply(pod('mounts', IDLE, { container: { volumeMounts: mounts }, spec: { volumes } }));
    await s.ready('pod/mounts');
    expect(await s.exec('mounts', 'cat', '/etc/conf/file', '/etc/hidden/password')).toBe('ones3cret');
    expect(await s.exec('mounts', 'stat', '-Lc', '%a', '/etc/hidden/password')).toBe('400\n');
    const account = '/var/run/secrets/kubernetes.io/serviceaccount';
    expect(await s.exec('mounts', 'cat', `${account}/namespace`)).toBe(s.namespace);
    expect(await s.exec('mounts', 'cat', `${account}/ca.crt`)).toContain('BEGIN CERTIFICATE');
    const token = await s.exec('mounts', 'cat', `${account}/token`);
    expect(JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())).toMatchObject({
      sub: `system:serviceaccount:${s.namespace}:default`,
      'kubernetes.io': { pod: { name: 'mounts' } },
    });
    await s.ok(['patch', 'configmap', 'conf', '-p', '{"data":{"file":"two"}}']);
    await expect
      .poll(() => s.exec('mounts', 'cat', '/etc/conf/file'), { timeout: 100_000, interval: 1000 })
      .toBe('two');
  });

  it('calls the API from inside a Pod with its service account, by name', async () => {
    const s = await newSpace();
    await s.ok(['create', 'role', 'reader', '--verb=get', '--resource=configmaps']);
    await s.ok([
      'create',
      'rolebinding',
      'reader',
      '--role=reader',
      `--serviceaccount=${s.namespace}:default`,
    ]);
    await s.ok(['create', 'configmap', 'conf', '--from-literal=file=one']);
    await s.apply(pod('caller', IDLE));
    await s.ready('pod/caller');
    const call = (path: string) =>
      s.exec(
        'caller',
        'sh',
        '-c',
        `cd /var/run/secrets/kubernetes.io/serviceaccount; curl -sS --max-time 20 --cacert ca.crt -H "Authorization: Bearer $(cat token)" https://kubernetes.default.svc${path}`,
      );
    const api = `/api/v1/namespaces/${s.namespace}`;
    expect(JSON.parse(await call(`${api}/configmaps/conf`))).toMatchObject({ data: { file: 'one' } });
    expect(JSON.parse(await call(`${api}/secrets`))).toMatchObject({ kind: 'Status', code: 403 });
  });

  it('is ready when its exec probe says so, and leaves the endpoints when it does not', async () => {
    const s = await newSpace();
    const container = {
      readinessProbe: {
        exec: { command: ['test', '-e', '/scratch/ready'] },
        periodSeconds: 1,
        failureThreshold: 1,
      },
      volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
    };
    await s.apply(pod('gated', IDLE, { container, spec: { volumes: [{ name: 'scratch', emptyDir: {} }] } }));
    await s.ok(['expose', 'pod', 'gated', '--port=80', '--name=gated']);
    await s.ok(['wait', '--for=jsonpath={.status.phase}=Running', 'pod/gated', '--timeout=60s']);
    const ready = () =>
      s.ok(['get', 'endpointslices', '-o', 'jsonpath={.items[*].endpoints[*].conditions.ready}']);
    await expect.poll(ready, TIMEOUT).toBe('false');
    await s.exec('gated', 'touch', '/scratch/ready');
    await expect.poll(ready, TIMEOUT).toBe('true');
    await s.exec('gated', 'rm', '/scratch/ready');
    await expect.poll(ready, TIMEOUT).toBe('false');
  });

  it('cannot see the keys, the store and the sockets of the cluster, although it sees the machine', async () => {
    const s = await newSpace();
    await s.apply(webPod('curious', { app: 'curious' }, {}));
    await s.ready('pod/curious');
    expect(await s.exec('curious', 'sh', '-c', `ls ${cluster().dataDir} | wc -l; ls / | grep -c etc`)).toBe(
      '0\n1\n',
    );
  });

  it("shares the node's network when asked: hostNetwork Pods have the node's address", async () => {
    const s = await newSpace();
    await s.apply(webPod('on-node', { app: 'on-node' }, { hostNetwork: true, nodeName: 'node-1' }));
    await s.ready('pod/on-node');
    expect(await s.field('pod on-node', '{.status.podIP}')).toBe('172.30.0.11');
    expect(await s.exec('on-node', 'hostname')).toBe('node-1\n');
    expect(await s.exec('on-node', 'curl', '-sS', '--max-time', '20', 'http://127.0.0.1:8080/')).toMatch(
      /^node-1 /,
    );
  });

  it('schedules by selector and request, and says why a Pod finds no node', async () => {
    const s = await newSpace();
    const hostname = { 'kubernetes.io/hostname': 'node-2' };
    const huge = { resources: { requests: { cpu: '1000' } } };
    await s.apply(
      pod('here', IDLE, { spec: { nodeSelector: hostname } }),
      pod('huge', IDLE, { container: huge }),
    );
    await s.ready('pod/here');
    expect(await s.field('pod here', '{.spec.nodeName}')).toBe('node-2');
    await expect
      .poll(() => s.field('pod huge', '{.status.conditions[?(@.type=="PodScheduled")].message}'), TIMEOUT)
      .toMatch(/0\/2 nodes are available.*Insufficient cpu/);
  });
});
