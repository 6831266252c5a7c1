import { existsSync, readdirSync, statSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostSnapshot } from '../support/root-namespace.js';
import { kubesvc, processesWith, removeDirectory, root, temporaryDirectory, UpProcess } from './harness.js';

const HELLO = join(root, 'examples/hello.yaml');

function fetchText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, timeout: 5000 }, (response) => {
      let text = '';
      response.on('data', (d) => {
        text += d;
      });
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

describe('kubesvc up', () => {
  let dataDir: string;
  let up: UpProcess | undefined;
  beforeEach(() => {
    dataDir = temporaryDirectory();
  });
  afterEach(async () => {
    await up?.end('SIGKILL');
    up = undefined;
    await kubesvc(['cleanup', '--data-dir', dataDir]);
    removeDirectory(dataDir);
  });

  const deployHello = async () => {
    await up!.ok(['apply', '-f', HELLO]);
    await up!.ok(['rollout', 'status', 'deployment/hello', '--timeout=60s']);
  };

  it('serves a Service that survives SIGTERM and restart, and leaves the host as it was', async () => {
    const before = hostSnapshot();
    up = await UpProcess.start(dataDir);
    expect(statSync(up.summary.kubeconfig).mode & 0o777).toBe(0o600);
    await deployHello();
    const ip = await up.ok(['get', 'service', 'hello', '-o', 'jsonpath={.spec.clusterIP}']);
    expect(await up.end('SIGTERM')).toBe(0);
    expect(processesWith(dataDir)).toEqual([]);
    expect(existsSync(join(dataDir, 'run/up.json'))).toBe(false);
    expect(hostSnapshot()).toEqual(before);

    up = await UpProcess.start(dataDir);
    expect(await up.ok(['get', 'service', 'hello', '-o', 'jsonpath={.spec.clusterIP}'])).toBe(ip);
    await up.ok(['wait', '--for=condition=Ready', 'pod', '-l', 'app=hello', '--timeout=60s']);
    const answer = await kubesvc([
      'shell',
      'node-1',
      '--data-dir',
      dataDir,
      '--',
      'curl',
      '-sS',
      '--max-time',
      '5',
      `http://${ip}/`,
    ]);
    expect(answer.stdout).toMatch(/^hello-\S+ on node-[12]\n$/);
    expect(await up.end('SIGINT')).toBe(0);
    expect(hostSnapshot()).toEqual(before);
  });

  it('loses nothing that was acknowledged, and leaves nothing running, when killed with SIGKILL', async () => {
    const before = hostSnapshot();
    up = await UpProcess.start(dataDir, ['--nodes', '1']);
    for (let i = 0; i < 5; i++) await up.ok(['create', 'configmap', `kept-${i}`, `--from-literal=n=${i}`]);
    await deployHello();
    await up.end('SIGKILL');
    await expect.poll(() => processesWith(dataDir), { timeout: 20_000 }).toEqual([]);
    expect(hostSnapshot()).toEqual(before);
    expect((await kubesvc(['cleanup', '--data-dir', dataDir])).code).toBe(0);
    expect(readdirSync(join(dataDir, 'run'))).toEqual([]);

    up = await UpProcess.start(dataDir, ['--nodes', '1']);
    const names = await up.ok(['get', 'configmaps', '-o', 'name']);
    for (let i = 0; i < 5; i++) expect(names).toContain(`configmap/kept-${i}`);
    expect(await up.ok(['get', 'deployment', 'hello', '-o', 'name'])).toContain('deployment.apps/hello');
  });

  it('refuses a second cluster on the same data directory, and cleanup of a running one', async () => {
    up = await UpProcess.start(dataDir, ['--nodes', '1']);
    const second = await kubesvc(['up', '--data-dir', dataDir, '--port', '0']);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/already running/);
    // The demo starts from an empty store, so it must not start on somebody's.
    const demo = await kubesvc(['demo', '--data-dir', dataDir]);
    expect(demo.code, demo.stdout).toBe(2);
    expect(demo.stderr).toMatch(/already running/);
    const cleanup = await kubesvc(['cleanup', '--data-dir', dataDir]);
    expect(cleanup.code).toBe(2);
    expect((await up.ok(['get', 'namespaces', '-o', 'name'])).trim().split('\n')).toContain(
      'namespace/default',
    );
    expect((await kubesvc(['cleanup', '--stop', '--all-data', '--data-dir', dataDir])).code).toBe(0);
    expect(existsSync(dataDir)).toBe(false);
  });

  it('offers NodePorts and port-forward on the host’s loopback', async () => {
    up = await UpProcess.start(dataDir);
    await deployHello();
    await up.ok([
      'expose',
      'deployment',
      'hello',
      '--name=hello-np',
      '--type=NodePort',
      '--port=80',
      '--target-port=http',
    ]);
    const port = await up.ok(['get', 'service', 'hello-np', '-o', 'jsonpath={.spec.ports[0].nodePort}']);
    await expect
      .poll(() => fetchText(`http://127.0.0.1:${port}/`).catch(() => ''), { timeout: 20_000 })
      .toMatch(/^hello-\S+ on node-/);
    await up.ok(['delete', 'service', 'hello-np']);
    await expect
      .poll(
        () =>
          fetchText(`http://127.0.0.1:${port}/`)
            .then(() => 'open')
            .catch(() => 'closed'),
        { timeout: 20_000 },
      )
      .toBe('closed');
  });

  it.each([
    [['--nodes', '0'], /--nodes/],
    [['--service-cidr', 'nonsense'], /--service-cidr/],
    [['--service-cidr', '10.244.0.0/20'], /overlaps/],
    [['--port', '70000'], /--port/],
    [['--proxy-mode', 'magic'], /proxy-mode/],
  ])('answers %j with a usage error that names the flag', async (args, message) => {
    const result = await kubesvc(['up', '--data-dir', dataDir, ...args]);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(message);
  });
});
