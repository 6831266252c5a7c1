import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '#base';
import { createPrograms } from '#host';
import { ProcessRuntime } from '../../src/node/process-runtime/index.js';
import type { ContainerConfig, Sandbox, SandboxConfig } from '../../src/node/runtime.js';
import { inNamespaces } from './node-namespace.js';

async function text(stream: Readable): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += String(chunk);
  return all;
}

function sandboxConfig(over: Partial<SandboxConfig> = {}): SandboxConfig {
  return {
    podUid: `uid-${Math.random().toString(36).slice(2)}`,
    namespace: 'default',
    name: 'web',
    hostname: 'web',
    network: {
      hostInterface: `veth${Math.random().toString(36).slice(2, 10)}`,
      bridge: 'cni0',
      mtu: 1500,
      addresses: [
        { ip: '10.244.1.5', prefixLength: 24, gateway: '10.244.1.1' },
        { ip: 'fd00:10:244:1::5', prefixLength: 64, gateway: 'fd00:10:244:1::1' },
      ],
    },
    hostPID: false,
    hostIPC: false,
    shareProcessNamespace: false,
    containers: ['main'],
    sysctls: {},
    ...over,
  };
}

function containerConfig(over: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    podUid: 'u',
    name: 'main',
    attempt: 0,
    image: 'host',
    command: ['true'],
    env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' },
    workingDir: '/',
    mounts: [],
    security: {
      user: { supplementalGroups: [] },
      privileged: false,
      noNewPrivileges: false,
      readOnlyRoot: false,
      addCapabilities: [],
      dropCapabilities: [],
    },
    tty: false,
    stdin: false,
    ...over,
  };
}

function tests(): void {
  const programs = createPrograms({ logger: silentLogger });
  const directory = mkdtempSync(join(tmpdir(), 'kubesvc-runtime-'));
  const runtime = new ProcessRuntime({ programs, logger: silentLogger, directory });
  const sandboxes: Sandbox[] = [];

  beforeAll(async () => {
    await programs.start();
    await runtime.start();
    for (const args of [
      ['link', 'set', 'lo', 'up'],
      ['link', 'add', 'cni0', 'type', 'bridge'],
      ['address', 'add', '10.244.1.1/24', 'dev', 'cni0'],
      ['address', 'add', 'fd00:10:244:1::1/64', 'dev', 'cni0', 'nodad'],
      ['link', 'set', 'cni0', 'up'],
    ])
      expect((await programs.run('ip', args)).stderr).toBe('');
  });
  afterAll(async () => {
    await runtime.stop();
    await programs.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function sandbox(over: Partial<SandboxConfig> = {}): Promise<Sandbox> {
    const made = await runtime.createSandbox(sandboxConfig(over));
    sandboxes.push(made);
    return made;
  }
  async function output(
    made: Sandbox,
    over: Partial<ContainerConfig>,
  ): Promise<{ out: string; err: string; code: number }> {
    const container = await runtime.startContainer(made, containerConfig(over));
    const [out, err, exit] = await Promise.all([
      text(container.stdout),
      text(container.stderr),
      container.exited,
    ]);
    return { out, err, code: exit.exitCode };
  }

  it('gives a pod its own hostname, network, processes and devices', async () => {
    const made = await sandbox();
    const { out, err } = await output(made, {
      command: [
        'sh',
        '-c',
        'cat /proc/sys/kernel/hostname; echo $$; ls /dev; ip -o addr show dev eth0; ip route; ip -6 route show default; ls /sys/class/net; echo hi >/dev/stdout',
      ],
    });
    expect(err).toBe('');
    expect(out).toContain('web\n1\n');
    expect(out).toContain('inet 10.244.1.5/24');
    expect(out).toContain('inet6 fd00:10:244:1::5/64');
    expect(out).toContain('default via 10.244.1.1');
    expect(out).toContain('default via fd00:10:244:1::1');
    expect(out).toContain('urandom');
    expect(out).not.toContain('cni0');
    expect(out.endsWith('hi\n')).toBe(true);
    await runtime.removeSandbox(made);
  });

  it('ends a container at once when it is killed, and reports 137', async () => {
    const made = await sandbox();
    const container = await runtime.startContainer(made, containerConfig({ command: ['sleep', '60'] }));
    container.kill();
    expect((await container.exited).exitCode).toBe(137);
    await runtime.removeSandbox(made);
  });

  it('shows volumes at paths that do not exist on the node, and creates nothing there', async () => {
    const source = join(directory, 'volume');
    mkdirSync(source, { recursive: true });
    writeFileSync(join(source, 'token'), 'secret');
    const made = await sandbox();
    const { out, err } = await output(made, {
      mounts: [
        { source, target: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
        { source, target: '/data/deep/er', readOnly: false },
        { source: join(source, 'token'), target: '/etc/kubesvc-test/file', readOnly: true },
      ],
      command: [
        'sh',
        '-c',
        'cat /run/secrets/kubernetes.io/serviceaccount/token /data/deep/er/token /etc/kubesvc-test/file; touch /run/secrets/kubernetes.io/serviceaccount/x; touch /data/deep/er/y; ls /data/deep/er; pwd',
      ],
      workingDir: '/data/deep',
    });
    expect(err).toContain('Read-only file system');
    expect(out).toBe('secretsecretsecrettoken\ny\n/data/deep\n');
    const host = await programs.run('ls', ['-d', '/data', '/etc/kubesvc-test', '/run/secrets/kubernetes.io']);
    expect(host.stdout).toBe('');
    await runtime.removeSandbox(made);
  });

  it('passes every variable, also names that are no identifiers, and none of ours', async () => {
    const made = await sandbox();
    const env = { PATH: '/usr/bin:/bin', 'a.b-c': '1 2', X: "q'uote", mount: 'm', kubesvc_x: 'k' };
    const { out } = await output(made, { env, command: ['env', '-0'] });
    expect(
      Object.fromEntries(
        out
          .split('\0')
          .filter(Boolean)
          .map((l) => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1)]),
      ),
    ).toEqual(env);
    await runtime.removeSandbox(made);
  });

  it('runs programs beside the container by exec, with their exit code and a terminal of the wanted size', async () => {
    const made = await sandbox();
    const container = await runtime.startContainer(made, containerConfig({ command: ['sleep', '60'] }));
    const plain = await runtime.exec(container, {
      command: ['sh', '-c', 'cat; hostname; exit 7'],
      tty: false,
      stdin: true,
    });
    plain.stdin!.end('input\n');
    expect(await text(plain.stdout)).toBe('input\nweb\n');
    expect(await plain.exited).toEqual({ exitCode: 7, signal: 0 });
    const tty = await runtime.exec(container, {
      command: ['sh', '-c', 'read x; stty size; tty'],
      tty: true,
      stdin: true,
    });
    await tty.resize(100, 30);
    tty.stdin!.write('go\n');
    expect(await text(tty.stdout)).toContain('30 100\r\n/dev/pts/0');
    expect((await tty.exited).exitCode).toBe(0);
    container.kill();
    await container.exited;
    await runtime.removeSandbox(made);
  });

  it('lets containers share their processes when asked to', async () => {
    const made = await sandbox({ shareProcessNamespace: true, containers: ['main', 'other'] });
    const other = await runtime.startContainer(
      made,
      containerConfig({ name: 'other', command: ['sleep', '4321'] }),
    );
    const { out } = await output(made, {
      command: ['sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "; cat /proc/1/comm'],
    });
    expect(out).toContain('sleep 4321');
    expect(out).toMatch(/sh\n$/);
    other.kill();
    expect((await other.exited).exitCode).toBe(137);
    await runtime.removeSandbox(made);
  });

  it('gives a container a terminal', async () => {
    const made = await sandbox();
    const container = await runtime.startContainer(
      made,
      containerConfig({ command: ['sh', '-c', 'read x; echo "got $x"; tty'], tty: true, stdin: true }),
    );
    container.stdin!.write('typed\n');
    expect(await text(container.stdout)).toMatch(/got typed\r\n\/dev\/pts\/0\r\n$/);
    expect((await container.exited).exitCode).toBe(0);
    await runtime.removeSandbox(made);
  });

  it('makes everything but volumes read-only, and drops privileges', async () => {
    const source = join(directory, 'writable');
    mkdirSync(source, { recursive: true });
    const made = await sandbox();
    const config = containerConfig();
    const { out, err } = await output(made, {
      mounts: [{ source, target: '/kubesvc-volume', readOnly: false }],
      command: [
        'sh',
        '-c',
        'touch /kubesvc-volume/x && echo volume; touch /tmp/x /x; grep -E "CapEff|NoNewPrivs" /proc/self/status',
      ],
      security: { ...config.security, readOnlyRoot: true, noNewPrivileges: true, dropCapabilities: ['ALL'] },
    });
    expect(out).toContain('volume\n');
    expect(out).toContain('CapEff:\t0000000000000000');
    expect(out).toContain('NoNewPrivs:\t1');
    expect(err.match(/Read-only file system/g)).toHaveLength(2);
    await runtime.removeSandbox(made);
  });

  it('hides its own files from containers', async () => {
    const made = await sandbox();
    const { out } = await output(made, { command: ['ls', '-A', runtime.volatileDir] });
    expect(out).toBe('');
    await runtime.removeSandbox(made);
  });

  it('says why a container cannot start', async () => {
    const made = await sandbox();
    await expect(
      runtime.startContainer(made, containerConfig({ command: ['no-such-program'] })),
    ).rejects.toThrow('executable file not found in $PATH');
    await expect(
      runtime.startContainer(
        made,
        containerConfig({ mounts: [{ source: '/etc', target: '/etc/passwd', readOnly: true }] }),
      ),
    ).rejects.toThrow('cannot mount a directory');
    await runtime.removeSandbox(made);
  });

  it('dials a port that listens only on the loopback of the pod', async () => {
    const made = await sandbox();
    const server =
      "require('net').createServer((c) => c.end('hello from pod')).listen(8080, '127.0.0.1', () => console.log('up'))";
    const container = await runtime.startContainer(
      made,
      containerConfig({ command: [process.execPath, '-e', server] }),
    );
    await new Promise((resolve) => container.stdout.once('data', resolve).resume());
    const first = await runtime.dial(made, 8080);
    expect(await text(first)).toBe('hello from pod');
    expect(await text(await runtime.dial(made, 8080))).toBe('hello from pod');
    await expect(runtime.dial(made, 8081)).rejects.toThrow('ECONNREFUSED');
    await runtime.removeSandbox(made);
    expect((await container.exited).exitCode).toBe(137);
  });
}

inNamespaces(import.meta.url, 'root', () => describe('process runtime as root', tests));
inNamespaces(import.meta.url, 'user', () => describe('process runtime in a user namespace', tests));
