import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostSnapshot } from '../support/root-namespace.js';
import {
  kubectlPath,
  type Output,
  processesWith,
  removeDirectory,
  root,
  run,
  temporaryDirectory,
} from './harness.js';
import { Stream } from './space.js';

const isRoot = process.getuid?.() === 0;

/**
 * Someone without privileges: a temporary user when these tests run as root, else whoever runs them. The
 * program is copied where that user can read it when the clone itself is closed to others.
 */
class Someone {
  readonly home: string;
  readonly #name = `kubesvc-${process.pid}`;
  #prefix: string[] = [];
  program = join(root, 'bin/kubesvc');
  examples = join(root, 'examples');

  constructor(home: string) {
    this.home = home;
  }

  create(): void {
    if (!isRoot) return;
    must('useradd', ['--home-dir', this.home, '--no-create-home', this.#name]);
    must('chown', [`${this.#name}:`, this.home]);
    const id = (flag: string) => must('id', [flag, this.#name]).trim();
    this.#prefix = [
      'setpriv',
      '--reuid',
      id('-u'),
      '--regid',
      id('-g'),
      '--init-groups',
      '--reset-env',
      '--',
    ];
    if (spawnSync(this.#prefix[0]!, [...this.#prefix.slice(1), 'test', '-r', this.program]).status === 0)
      return;
    const copy = join(this.home, 'kubesvc');
    mkdirSync(copy);
    for (const part of ['bin', 'dist', 'node_modules', 'package.json', 'examples'])
      cpSync(join(root, part), join(copy, part), { recursive: true, dereference: true });
    this.program = join(copy, 'bin/kubesvc');
    this.examples = join(copy, 'examples');
  }

  remove(): void {
    if (isRoot) spawnSync('userdel', [this.#name]);
  }

  /** Program and arguments that run a command as this user. */
  command(command: string[]): string[] {
    const environment = ['env', `HOME=${this.home}`, `PATH=${process.env['PATH']}`];
    return [...this.#prefix, ...environment, `KUBECONFIG=${this.home}/data/kubeconfig`, ...command];
  }

  run(command: string[], input?: string): Promise<Output> {
    const [file, ...args] = this.command(command);
    return run(file!, args, input === undefined ? {} : { input });
  }

  kubesvc(...args: string[]): Promise<Output> {
    return this.run([process.execPath, this.program, ...args, '--data-dir', `${this.home}/data`]);
  }

  inNode(node: string, ...command: string[]): Promise<Output> {
    return this.run([
      process.execPath,
      this.program,
      'shell',
      '--data-dir',
      `${this.home}/data`,
      node,
      '--',
      ...command,
    ]);
  }

  async kubectl(...args: string[]): Promise<string> {
    const result = await this.run([kubectlPath, ...args]);
    expect(result.code, `kubectl ${args.join(' ')}: ${result.stderr}`).toBe(0);
    return result.stdout;
  }
}

function must(file: string, args: string[]): string {
  const result = spawnSync(file, args, { encoding: 'utf8' });
  if (result.status !== 0)
    throw new Error(`${file} ${args.join(' ')}: ${result.error?.message ?? result.stderr}`);
  return result.stdout;
}

describe('without privileges', () => {
  const home = temporaryDirectory();
  const someone = new Someone(home);
  const before = hostSnapshot();
  let up: Stream | undefined;
  beforeAll(() => {
    chmodSync(home, 0o755);
    someone.create();
  });
  afterAll(async () => {
    up?.end();
    await someone.kubesvc('cleanup', '--stop');
    someone.remove();
    removeDirectory(home);
  });

  it('finds user namespaces that unprivileged users may make', async () => {
    const { code, stderr } = await someone.run(['unshare', '--user', '--map-root-user', '--net', 'true']);
    const help =
      'kubesvc without root needs kernel.unprivileged_userns_clone=1, user.max_user_namespaces > 0 and no AppArmor restriction';
    expect(code, `${stderr}\n${help}`).toBe(0);
  });

  it('serves the whole journey: up, apply, ClusterIP, DNS, logs, exec, terminal', async () => {
    const args = ['up', '--data-dir', `${home}/data`, '--port', '0', '-o', 'json'];
    up = Stream.of(someone.command([process.execPath, someone.program, ...args]));
    await up.until(/^\{"kubeconfig"/m);
    await someone.kubectl('apply', '-f', join(someone.examples, 'hello.yaml'));
    await someone.kubectl('rollout', 'status', 'deployment/hello', '--timeout=90s');
    const ip = await someone.kubectl('get', 'service', 'hello', '-o', 'jsonpath={.spec.clusterIP}');
    for (const node of ['node-1', 'node-2']) {
      await expect
        .poll(
          async () => (await someone.inNode(node, 'curl', '-sS', '--max-time', '5', `http://${ip}/`)).stdout,
          {
            timeout: 30_000,
          },
        )
        .toMatch(/^hello-\S+ on node-[12]\n$/);
      const name = 'hello.default.svc.cluster.local';
      const found = await someone.inNode(node, 'dig', '+short', name, '@10.96.0.10');
      expect(found.stdout).toBe(`${ip}\n`);
    }
    expect(await someone.kubectl('exec', 'deploy/hello', '--', 'sh', '-c', 'id -u; hostname')).toMatch(
      /^0\nhello-/,
    );
    expect(await someone.kubectl('logs', 'deploy/hello')).toMatch(/^hello-\S+ on node-[12] listens\n$/);
    const terminal = await someone.run([
      'script',
      '-qec',
      `${kubectlPath} exec -it deploy/hello -- tty`,
      '/dev/null',
    ]);
    expect(terminal.stdout).toMatch(/\/dev\/pts\/\d+/);
    await someone.kubectl('delete', '-f', join(someone.examples, 'hello.yaml'), '--timeout=60s');
  });

  it('says what cannot be had without privileges', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'other' },
      spec: {
        securityContext: { runAsUser: 1234 },
        containers: [{ name: 'main', image: 'host', command: ['sleep', '100'] }],
      },
    };
    const applied = await someone.run([kubectlPath, 'apply', '-f', '-'], JSON.stringify(pod));
    expect(applied.code, applied.stderr).toBe(0);
    await expect
      .poll(
        () =>
          someone.kubectl(
            'get',
            'pod',
            'other',
            '-o',
            'jsonpath={.status.containerStatuses[0].state.waiting}',
          ),
        {
          timeout: 30_000,
        },
      )
      .toContain('run the cluster as root');
  });

  it('stops and leaves nothing', async () => {
    const stopped = await someone.kubesvc('cleanup', '--stop');
    expect(stopped.code, stopped.stderr).toBe(0);
    expect(await up!.exitCode).toBe(0);
    await expect.poll(() => processesWith(home), { timeout: 20_000 }).toEqual([]);
    expect(hostSnapshot()).toEqual(before);
  });
});
