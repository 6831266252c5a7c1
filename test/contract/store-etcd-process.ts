import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A free loopback port. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Whether Debian's etcd is here. In CI its absence is a failure; elsewhere it is said aloud and skipped. */
export function haveEtcd(): boolean {
  const found = spawnSync('etcd', ['--version']).status === 0;
  if (!found && process.env['CI'] !== undefined)
    throw new Error('etcd is not installed (apt-get install etcd-server)');
  if (!found) console.warn('SKIPPED: etcd is not installed, the store contract is not run against it');
  return found;
}

/** Debian's real etcd on loopback with a directory of its own; can be stopped and started again on its port. */
export class EtcdProcess {
  readonly directory = mkdtempSync(join(tmpdir(), 'kubesvc-etcd-'));
  readonly #tls: { caFile: string; certFile: string; keyFile: string } | undefined;
  #clientPort = 0;
  #peerPort = 0;
  #metricsPort = 0;
  #child: ChildProcess | undefined;

  constructor(tls?: { caFile: string; certFile: string; keyFile: string }) {
    this.#tls = tls;
  }

  get endpoint(): string {
    return `${this.#tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#clientPort}`;
  }

  async start(): Promise<void> {
    if (this.#clientPort === 0) {
      this.#clientPort = await freePort();
      this.#peerPort = await freePort();
      this.#metricsPort = await freePort();
    }
    const peer = `http://127.0.0.1:${this.#peerPort}`;
    const args = [
      ['--data-dir', this.directory],
      ['--listen-client-urls', this.endpoint],
      ['--advertise-client-urls', this.endpoint],
      ['--listen-peer-urls', peer],
      ['--initial-advertise-peer-urls', peer],
      ['--initial-cluster', `default=${peer}`],
      ['--listen-metrics-urls', `http://127.0.0.1:${this.#metricsPort}`],
      ...this.#tlsArguments(),
      ['--logger', 'zap'],
      ['--log-level', 'error'],
    ].flat();
    this.#child = spawn('etcd', args, { stdio: 'ignore' });
    process.once('exit', this.#killNow);
    await this.#healthy();
  }

  #tlsArguments(): string[][] {
    if (this.#tls === undefined) return [];
    const { caFile, certFile, keyFile } = this.#tls;
    return [
      ['--cert-file', certFile],
      ['--key-file', keyFile],
      ['--trusted-ca-file', caFile],
      ['--client-cert-auth'],
    ];
  }

  /** A runner that dies in the middle leaves neither the server nor its data. */
  readonly #killNow = () => {
    this.#child?.kill('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  };

  async #healthy(): Promise<void> {
    for (let attempt = 0; attempt < 200; attempt++) {
      const answer = await fetch(`http://127.0.0.1:${this.#metricsPort}/health`).catch(() => undefined);
      if (answer?.ok === true) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('etcd did not become healthy');
  }

  /** Kills it as a crash would; its data stays. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    process.off('exit', this.#killNow);
    if (child === undefined || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
