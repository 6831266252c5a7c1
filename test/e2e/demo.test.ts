import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostSnapshot } from '../support/root-namespace.js';
import { kubesvc, processesWith, removeDirectory, temporaryDirectory } from './harness.js';

const STEPS = /^ {3}✓ (.*)$/gm;
const LIMIT = { timeoutMs: 240_000 };

describe('kubesvc demo', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = temporaryDirectory();
  });
  afterEach(async () => {
    await kubesvc(['cleanup', '--stop', '--data-dir', dataDir]);
    removeDirectory(dataDir);
  });
  const demo = (env: Record<string, string> = {}) =>
    kubesvc(['demo', '--data-dir', dataDir], { ...LIMIT, env });
  const steps = (output: string) => [...output.matchAll(STEPS)].map((m) => m[1]);

  it('shows every step, exits 0, leaves the host as it was, and does so again', async () => {
    const before = hostSnapshot();
    const first = await demo();
    expect(first.code, first.stdout + first.stderr).toBe(0);
    for (const text of [/registration/i, /DNS/, /SRV/, /environment/i, /kubernetes\.default\.svc/]) {
      expect(first.stdout).toMatch(text);
    }
    for (const text of [
      /round robin/i,
      /ClientIP/,
      /random/i,
      /0 failed/,
      /EndpointSlice/,
      /chain|vmap|nftables/,
    ]) {
      expect(first.stdout).toMatch(text);
    }
    expect(steps(first.stdout).length).toBeGreaterThanOrEqual(8);
    const second = await demo();
    expect(second.code, second.stdout + second.stderr).toBe(0);
    expect(steps(second.stdout)).toEqual(steps(first.stdout));
    expect(processesWith(dataDir)).toEqual([]);
    expect(hostSnapshot()).toEqual(before);
  }, 300_000);

  it('names the step that did not hold, exits with 1 and stops the cluster', async () => {
    const result = await demo({ KUBECTL: '/bin/false' });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/step "apply" failed: kubectl apply/);
    expect(processesWith(dataDir)).toEqual([]);
  });

  it('needs no kubectl: without one, the same requests go to the API', async () => {
    const path = pathWithoutKubectl(dataDir);
    const result = await demo({ PATH: path, KUBECTL: '' });
    expect(result.code, result.stdout + result.stderr).toBe(0);
    expect(result.stdout).toContain('there is no kubectl on the PATH');
  }, 180_000);
});

/** A directory with everything of the PATH but kubectl. */
function pathWithoutKubectl(parent: string): string {
  const directory = join(parent, 'run', 'bin');
  mkdirSync(directory, { recursive: true });
  for (const from of `${process.env['PATH']}:/usr/sbin:/sbin`.split(':').filter((d) => existsSync(d))) {
    for (const name of readdirSync(from)) {
      const link = join(directory, name);
      if (name !== 'kubectl' && !existsSync(link)) symlinkSync(join(from, name), link);
    }
  }
  return directory;
}
