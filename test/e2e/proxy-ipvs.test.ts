import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inNamespaces } from '../kernel/node-namespace.js';
import { kubesvc, temporaryDirectory } from './harness.js';

/** What ipvsadm says where the kernel has no ip_vs, whichever kernel the test runs on. */
const WITHOUT_IPVS = `#!/bin/sh
echo "Can't initialize ipvs: Protocol not available" >&2
echo "Are you sure that IP Virtual Server is built in the kernel or as module?" >&2
exit 2
`;

inNamespaces(import.meta.url, 'root', () => {
  const directory = temporaryDirectory();
  const kubeconfig = join(directory, 'kubeconfig');
  const env = { PATH: `${directory}:${process.env.PATH}` };

  beforeAll(() => {
    writeFileSync(join(directory, 'ipvsadm'), WITHOUT_IPVS);
    chmodSync(join(directory, 'ipvsadm'), 0o755);
    const server = 'clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]';
    const context = 'contexts: [{name: c, context: {cluster: c, user: u}}]';
    writeFileSync(kubeconfig, `${server}\n${context}\nusers: [{name: u, user: {}}]\ncurrent-context: c\n`);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  describe('kubesvc proxy in ipvs mode, on a kernel without ip_vs', () => {
    it.each([['--init-only'], ['-v=0']])('ends with upstream’s error (%s)', async (flag) => {
      const flags = ['--kubeconfig', kubeconfig, flag];
      const result = await kubesvc(['proxy', '--proxy-mode=ipvs', ...flags], { env });
      expect(result.code).toBe(1);
      expect(result.stderr).toContain("can't use the IPVS proxier: ipvs not supported by the kernel");
    });
  });
});
