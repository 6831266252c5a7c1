import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const INSIDE = 'KUBESVC_TEST_NAMESPACES';

/** Runs a program to its end; its output is returned for the failure message. */
function runToEnd(
  file: string,
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

/**
 * Defines tests that run inside network, mount and PID namespaces of their own (and, for `user`, inside a user
 * namespace that an unprivileged user made). Outside, the test file starts vitest again inside them, so nothing
 * on the host can be touched, and everything dies with the PID namespace.
 */
export function inNamespaces(moduleUrl: string, as: 'root' | 'user', define: () => void): void {
  const file = fileURLToPath(moduleUrl);
  if (process.env[INSIDE] === as) return define();
  if (process.env[INSIDE] !== undefined) return;
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const unshare = [
    '--mount',
    '--net',
    '--uts',
    '--ipc',
    '--pid',
    '--fork',
    '--kill-child=KILL',
    '--mount-proc',
  ];
  const inner = [
    process.execPath,
    vitest,
    'run',
    '--configLoader',
    'runner',
    '--project',
    'integration',
    '--reporter',
    'verbose',
    file,
  ];
  describe(`in namespaces made as ${as}`, () => {
    it.skipIf(process.getuid?.() !== 0)('all tests of the file pass inside them', async () => {
      const args =
        as === 'root'
          ? [...unshare, '--', ...inner]
          : [
              '--reuid=65534',
              '--regid=65534',
              '--clear-groups',
              '--',
              'unshare',
              '--map-root-user',
              ...unshare,
              '--',
              ...inner,
            ];
      const { code, output } = await runToEnd(as === 'root' ? 'unshare' : 'setpriv', args, {
        ...process.env,
        HOME: '/tmp',
        [INSIDE]: as,
      });
      expect(code, output).toBe(0);
    });
  });
}
