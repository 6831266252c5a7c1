import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { Exec, KubeConfig, Log, PortForward, type V1Status } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { kubectlPath, root, run } from './harness.js';
import { IDLE, pod, service, webPod } from './manifests.js';
import { useCluster, useSpace } from './space.js';

const HELLO = join(root, 'examples/hello.yaml');

function fetchText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, timeout: 10_000 }, (response) => {
      let text = '';
      response.on('data', (d) => {
        text += d;
      });
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

/** What a stream has got. */
class Collected extends Writable {
  text = '';
  readonly ended = new Promise<void>((resolve) => this.once('finish', resolve));

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += String(chunk);
    this.emit('more');
    done();
  }

  async matched(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) await once(this, 'more');
  }
}

describe('stock kubectl against kubesvc up', () => {
  const cluster = useCluster();
  const newSpace = useSpace(cluster);

  it('reads: get in every format, with labels, fields and a watch', async () => {
    const s = await newSpace();
    const watch = s.stream(['get', 'pods', '-w', '--no-headers', '-o', 'custom-columns=N:.metadata.name']);
    await s.apply(pod('one', IDLE, { labels: { tier: 'a' } }), pod('two', IDLE, { labels: { tier: 'b' } }));
    await s.ready('pod --all');
    await watch.until(/^two$/m);

    expect(await s.ok(['get', 'pods', '-o', 'wide'])).toMatch(
      /NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\none +1\/1 +Running +0 +\S+ +10\.244\.\d+\.\d+ +node-[12]/,
    );
    expect(JSON.parse(await s.ok(['get', 'pod', 'one', '-o', 'json']))).toMatchObject({
      apiVersion: 'v1',
      kind: 'Pod',
      status: { phase: 'Running' },
    });
    expect(await s.ok(['get', 'pod', 'one', '-o', 'yaml'])).toContain('kind: Pod\n');
    expect(await s.ok(['get', 'pods', '-l', 'tier=b', '-o', 'name'])).toBe('pod/two\n');
    expect(await s.ok(['get', 'pods', '-l', 'tier notin (b)', '-o', 'name'])).toBe('pod/one\n');
    expect(await s.ok(['get', 'pods', '--field-selector', 'metadata.name=one', '-o', 'name'])).toBe(
      'pod/one\n',
    );
    expect(await s.ok(['get', 'pods', '--field-selector', 'status.phase!=Running', '-o', 'name'])).toBe('');
    expect(await s.ok(['get', 'pods', '--show-labels'])).toContain('tier=a');
    expect((await s.kubectl(['get', 'pod', 'nobody'])).stderr).toBe(
      'Error from server (NotFound): pods "nobody" not found\n',
    );
  });

  it('describes pods, services, nodes and deployments', async () => {
    const s = await newSpace();
    await s.ok(['apply', '-f', HELLO]);
    await s.ok(['rollout', 'status', 'deployment/hello', '--timeout=90s']);
    expect(await s.ok(['describe', 'service', 'hello'])).toMatch(
      /Endpoints: +10\.244\.\d+\.\d+:8080,10\.244/,
    );
    expect(await s.ok(['describe', 'deployment', 'hello'])).toMatch(
      /3 desired \| 3 updated \| 3 total \| 3 available/,
    );
    const described = await s.ok(['describe', 'pod', '--show-events', '-l', 'app=hello']);
    expect(described).toContain('Successfully assigned');
    expect(described).toMatch(/Started .* kubelet/);
    expect(described).toMatch(/Ready +True/);
    const node = await s.ok(['describe', 'node', 'node-1']);
    expect(node).toMatch(/Ready +True .*KubeletReady/);
    expect(node).toContain('PodCIDR: ');
  });

  it('writes: create, apply in both ways, label, annotate, patch, edit, delete', async () => {
    const s = await newSpace();
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: { a: '1' } };
    expect(await s.ok(['create', '-f', '-'], { input: JSON.stringify(map) })).toBe('configmap/m created\n');
    expect((await s.kubectl(['create', '-f', '-'], { input: JSON.stringify(map) })).stderr).toContain(
      'AlreadyExists',
    );
    await s.kubectl(['delete', 'configmap', 'm']);
    expect(await s.apply(map)).toBe('configmap/m created\n');
    expect(await s.apply(map)).toBe('configmap/m unchanged\n');
    expect(await s.apply({ ...map, data: { b: '2' } })).toBe('configmap/m configured\n');
    expect(JSON.parse(await s.field('configmap m', '{.data}'))).toEqual({ b: '2' });

    const applied = { ...map, metadata: { name: 'ssa' } };
    const serverSide = (fields: object, ...args: string[]) =>
      s.kubectl(['apply', '--server-side', ...args, '-f', '-'], { input: JSON.stringify(fields) });
    expect((await serverSide(applied)).stdout).toBe('configmap/ssa serverside-applied\n');
    const conflict = await serverSide({ ...applied, data: { a: '3' } }, '--field-manager=other');
    expect(conflict.code).toBe(1);
    expect(conflict.stderr).toContain('conflict with "kubectl": .data.a');
    await serverSide({ ...applied, data: { a: '3' } }, '--field-manager=other', '--force-conflicts');
    expect(await s.field('configmap ssa', '{.data.a}')).toBe('3');

    await s.ok(['label', 'configmap', 'm', 'colour=red']);
    await s.ok(['annotate', 'configmap', 'm', 'note=hello']);
    await s.ok(['patch', 'configmap', 'm', '--type=merge', '-p', '{"data":{"c":"3"}}']);
    await s.ok(['patch', 'configmap', 'm', '--type=json', '-p', '[{"op":"remove","path":"/data/b"}]']);
    const editor = join(cluster().dataDir, 'editor.sh');
    writeFileSync(editor, '#!/bin/sh\nsed -i "s/c: \\"3\\"/c: edited/" "$1"\n', { mode: 0o755 });
    expect(await s.ok(['edit', 'configmap', 'm'], { env: { EDITOR: editor } })).toBe('configmap/m edited\n');
    expect(JSON.parse(await s.ok(['get', 'configmap', 'm', '-o', 'json']))).toMatchObject({
      metadata: { labels: { colour: 'red' }, annotations: { note: 'hello' } },
      data: { c: 'edited' },
    });
    // kubectl 1.34 and later name the namespace.
    expect(await s.ok(['delete', 'configmap', 'm'])).toMatch(/^configmap "m" deleted( from .*)?\n$/);
  });

  it('manages a deployment: create, scale, rollout status, restart, history, undo', async () => {
    const s = await newSpace();
    await s.ok(['create', 'deployment', 'web', '--image=host', '--replicas=2', '--', 'sh', '-c', IDLE]);
    expect(await s.ok(['rollout', 'status', 'deployment/web', '--timeout=90s'])).toContain(
      'successfully rolled out',
    );
    await s.ok(['scale', 'deployment/web', '--replicas=3']);
    await s.ok(['wait', '--for=jsonpath={.status.readyReplicas}=3', 'deployment/web', '--timeout=90s']);
    await s.ok(['rollout', 'restart', 'deployment/web']);
    await s.ok(['rollout', 'status', 'deployment/web', '--timeout=90s']);
    expect(await s.ok(['rollout', 'history', 'deployment/web'])).toMatch(/^1 .*\n2 /m);

    await s.ok(['set', 'image', 'deployment/web', 'host=no.such/image']);
    await s.ok(['wait', '--for=jsonpath={.status.unavailableReplicas}=1', 'deployment/web', '--timeout=90s']);
    await s.ok(['rollout', 'undo', 'deployment/web']);
    await s.ok(['rollout', 'status', 'deployment/web', '--timeout=90s']);
    expect(await s.field('deployment web', '{.spec.template.spec.containers[0].image}')).toBe('host');
    await s.ok(['scale', 'deployment/web', '--replicas=0']);
    await s.ok(['wait', '--for=delete', 'pod', '-l', 'app=web', '--timeout=60s']);
  });

  it('makes services: create service of every type, expose', async () => {
    const s = await newSpace();
    await s.ok(['create', 'service', 'clusterip', 'a', '--tcp=80:8080']);
    await s.ok(['create', 'service', 'nodeport', 'b', '--tcp=80:8080']);
    await s.ok(['create', 'service', 'loadbalancer', 'c', '--tcp=80:8080']);
    await s.ok(['create', 'service', 'externalname', 'd', '--external-name=example.org']);
    await s.apply(pod('app', IDLE));
    await s.ok(['expose', 'pod', 'app', '--port=80', '--target-port=8080', '--name=e']);
    await s.ok(['wait', 'service/c', '--for=jsonpath={.status.loadBalancer.ingress[0].ip}', '--timeout=30s']);
    const table = await s.ok(['get', 'services']);
    expect(table).toMatch(/^a +ClusterIP +10\.96\.\S+ +<none> +80\/TCP/m);
    expect(table).toMatch(/^b +NodePort +10\.96\.\S+ +<none> +80:3\d{4}\/TCP/m);
    expect(table).toMatch(/^c +LoadBalancer +10\.96\.\S+ +10\.98\.0\.\d+ +80:3\d{4}\/TCP/m);
    expect(table).toMatch(/^d +ExternalName +<none> +example\.org/m);
    expect(await s.field('service e', '{.spec.selector.app}')).toBe('app');
  });

  it('debugs a pod with an ephemeral container', async () => {
    const s = await newSpace();
    await s.apply(pod('sick', IDLE));
    await s.ready('pod/sick');
    const script = 'hostname; echo looked';
    await s.ok(['debug', 'sick', '--image=host', '--container=doctor', '--', 'sh', '-c', script]);
    const exit = 'jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}=0';
    await s.ok(['wait', 'pod/sick', `--for=${exit}`, '--timeout=60s']);
    expect(await s.ok(['logs', 'sick', '-c', 'doctor'])).toBe('sick\nlooked\n');
    expect(await s.ok(['get', 'pod', 'sick', '--no-headers'])).toMatch(/^sick +1\/1 +Running +0 /);
    const again = await s.kubectl(['debug', 'sick', '--image=host', '--container=main']);
    expect(again.stderr).toMatch(/Duplicate value: "main"|already exists/);
  });

  it('is not the only client: another library runs commands, reads logs and forwards ports', async () => {
    const s = await newSpace();
    await s.apply(webPod('web', { app: 'web' }), pod('talk', `echo hello; ${IDLE}`));
    await s.ready('pod --all');
    const config = new KubeConfig();
    config.loadFromFile(s.up.summary.kubeconfig);

    const out = new Collected();
    const status = await new Promise<V1Status>((resolve, reject) => {
      const command = ['sh', '-c', 'cat; exit 7'];
      const input = Readable.from(['from the library']);
      new Exec(config)
        .exec(s.namespace, 'talk', 'main', command, out, null, input, false, resolve)
        .catch(reject);
    });
    expect(out.text).toBe('from the library');
    expect(status.details?.causes).toEqual([{ reason: 'ExitCode', message: '7' }]);

    const log = new Collected();
    await new Log(config).log(s.namespace, 'talk', 'main', log, { tailLines: 1 });
    await log.ended;
    expect(log.text).toBe('hello\n');

    const page = new Collected();
    const request = new PassThrough();
    const socket = await new PortForward(config).portForward(s.namespace, 'web', [8080], page, null, request);
    request.write('GET / HTTP/1.0\r\n\r\n');
    await page.matched(/\r\n\r\n[\s\S]*web/);
    if (typeof socket !== 'function') socket.close();
  });

  it('talks to containers: logs -f, exec with input, output, exit code and terminal', async () => {
    const s = await newSpace();
    await s.apply(
      pod('talk', `echo first; while [ ! -e /tmp/$HOSTNAME.$$ ]; do sleep 0.1; done; ${IDLE}`),
      pod('plain', `echo out; echo err >&2; ${IDLE}`),
    );
    await s.ready('pod --all');
    expect((await s.ok(['logs', 'plain'])).split('\n').sort()).toEqual(['', 'err', 'out']);
    expect(await s.ok(['logs', 'plain', '--timestamps', '--tail=1'])).toMatch(
      /^\d{4}-\d\d-\d\dT\S+Z (out|err)\n$/,
    );

    const failed = await s.kubectl(['exec', 'plain', '--', 'sh', '-c', 'echo o; echo e >&2; exit 7']);
    expect(failed).toMatchObject({ code: 7, stdout: 'o\n' });
    expect(failed.stderr).toMatch(/^e\ncommand terminated with exit code 7/);
    expect(await s.ok(['exec', '-i', 'plain', '--', 'wc', '-c'], { input: 'x'.repeat(1_000_000) })).toBe(
      '1000000\n',
    );
    expect((await s.kubectl(['exec', 'plain', '--', 'no-such-program'])).code).toBeGreaterThan(0);

    // The size arrives as a message of its own, after the start.
    const sized = 'until stty size | grep -q 99; do sleep 0.1; done';
    const command = `${kubectlPath} -n ${s.namespace} exec -it plain -- sh -c 'tty; ${sized}; stty size; exit 3'`;
    const terminal = await run('script', ['-qec', `stty rows 33 cols 99; ${command}`, '/dev/null'], {
      env: { KUBECONFIG: s.up.summary.kubeconfig },
    });
    // The end of its own input makes `script` type an end-of-file character, which the terminal may echo.
    expect(terminal.stdout.replace(/\^[@D]/, '')).toMatch(/\/dev\/pts\/\d+\r\n33 99\r\n/);
    expect(terminal.code).toBe(3);
  });

  it('follows logs until the container ends', async () => {
    const s = await newSpace();
    await s.apply(
      pod('count', 'read x; echo "got $x"; read y; echo "got $y"', {
        container: { stdin: true },
        spec: { restartPolicy: 'Never' },
      }),
    );
    await s.ready('pod/count');
    const logs = s.stream(['logs', '-f', 'count']);
    const attached = s.stream(['attach', '-i', 'count']);
    attached.write('one\n');
    await logs.until(/got one/);
    attached.write('two\n');
    await logs.until(/got two/);
    expect(await logs.exitCode).toBe(0);
    expect(await attached.exitCode).toBe(0);
    expect(attached.output).toContain('got two');
    await s.ok(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/count', '--timeout=60s']);
  });

  it('forwards ports to a pod and to a service', async () => {
    const s = await newSpace();
    await s.apply(webPod('web', { app: 'web' }), service('web'));
    await s.ready('pod/web');
    for (const target of ['pod/web', 'service/web']) {
      const forward = s.stream(['port-forward', target, target.startsWith('pod') ? ':8080' : ':80']);
      const [, port] = await forward.until(/Forwarding from 127\.0\.0\.1:(\d+)/);
      expect(await fetchText(`http://127.0.0.1:${port}/`)).toMatch(/^web /);
      expect(await fetchText(`http://127.0.0.1:${port}/`)).toMatch(/^web /);
      forward.end();
    }
  });

  it('copies files in and out', async () => {
    const s = await newSpace();
    await s.apply(
      pod('files', IDLE, {
        container: { volumeMounts: [{ name: 'd', mountPath: '/data' }] },
        spec: { volumes: [{ name: 'd', emptyDir: {} }] },
      }),
    );
    await s.ready('pod/files');
    const [there, back] = [join(cluster().dataDir, 'there'), join(cluster().dataDir, 'back')];
    writeFileSync(there, 'some\0bytes\n'.repeat(5000));
    await s.ok(['cp', there, 'files:/data/copy']);
    await s.ok(['cp', 'files:/data/copy', back]);
    expect(readFileSync(back).equals(readFileSync(there))).toBe(true);
  });

  it('runs pods: run, run with input and --rm, run in a terminal', async () => {
    const s = await newSpace();
    await s.ok(['run', 'bg', '--image=host', '--command', '--', 'sh', '-c', IDLE]);
    await s.ready('pod/bg');
    const rm = ['run', 'fg', '--image=host', '--restart=Never', '--rm', '-i', '--command', '--', 'sh', '-c'];
    expect((await s.kubectl([...rm, 'read x; echo "read $x"'], { input: 'hello\n' })).stdout).toMatch(
      /^read hello\n/,
    );
    expect((await s.kubectl(['get', 'pod', 'fg'])).code).toBe(1);
    expect((await s.kubectl([...rm, 'read x; exit 5'], { input: 'go\n' })).code).toBe(5);

    const command = `${kubectlPath} -n ${s.namespace} run term --image=host --restart=Never --rm -it --command -- sh -c 'read x; tty'`;
    const terminal = await run('script', ['-qec', command, '/dev/null'], {
      env: { KUBECONFIG: s.up.summary.kubeconfig },
      input: '\n',
    });
    expect(terminal.stdout).toMatch(/\/dev\/pts\/\d+/);
  });

  it('tells about itself: version, api-resources, explain, cluster-info, auth, events', async () => {
    const s = await newSpace();
    expect(await s.ok(['version'])).toMatch(/Server Version: v1\.\d+/);
    expect(await s.ok(['api-resources', '--namespaced=true', '-o', 'name'])).toMatch(/^services\n/m);
    expect(await s.ok(['api-versions'])).toContain('discovery.k8s.io/v1');
    expect(await s.ok(['explain', 'service.spec.ports'])).toMatch(/targetPort\s+<IntOrString>/);
    expect(await s.ok(['explain', 'endpointslices', '--recursive'])).toMatch(/serving\s+<boolean>/);
    expect(await s.ok(['cluster-info'])).toContain(s.up.summary.server);
    expect(await s.ok(['auth', 'can-i', 'create', 'pods'])).toBe('yes\n');
    const denied = await s.kubectl([
      'auth',
      'can-i',
      'create',
      'pods',
      '--as=system:serviceaccount:default:default',
    ]);
    expect(denied).toMatchObject({ code: 1, stdout: 'no\n' });
    expect(await s.ok(['auth', 'whoami'])).toContain('kubernetes-admin');
    await s.apply(pod('noted', IDLE));
    await s.ready('pod/noted');
    await expect
      .poll(() => s.ok(['get', 'events', '--field-selector', 'involvedObject.name=noted']), {
        timeout: 30_000,
      })
      .toMatch(/Normal +Started +pod\/noted/);
    expect(await s.ok(['events', '--for', 'pod/noted'])).toMatch(/Scheduled/);
  });

  it('deletes a namespace with everything in it', async () => {
    const s = await newSpace();
    await s.ok(['apply', '-f', HELLO]);
    await s.ok(['create', 'configmap', 'm']);
    await s.ok(['rollout', 'status', 'deployment/hello', '--timeout=90s']);
    await s.up.ok(['delete', 'namespace', s.namespace, '--timeout=90s']);
    expect((await s.up.kubectl(['get', 'namespace', s.namespace])).stderr).toContain('NotFound');
    const left = await s.ok([
      'get',
      'all,endpoints,endpointslices,configmaps,secrets,serviceaccounts',
      '-o',
      'name',
    ]);
    expect(left).toBe('');
  });
});
