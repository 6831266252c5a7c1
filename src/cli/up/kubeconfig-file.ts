import type { KeyPair } from '#base';
import { writeSecret } from './credentials.js';

/** Writes a self-contained kubeconfig (mode 0600) with one cluster, one user and one context named `kubesvc`. */
export function writeKubeconfig(
  path: string,
  options: { server: string; ca: string; user: string; pair: KeyPair },
): void {
  const { server, ca, user, pair } = options;
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  // Plain scalars only, so that no YAML writer has to be loaded on the way to a running cluster.
  writeSecret(
    path,
    `apiVersion: v1
kind: Config
clusters:
- name: kubesvc
  cluster:
    server: ${server}
    certificate-authority-data: ${base64(ca)}
users:
- name: ${user}
  user:
    client-certificate-data: ${base64(pair.certificate)}
    client-key-data: ${base64(pair.key)}
contexts:
- name: kubesvc
  context:
    cluster: kubesvc
    user: ${user}
current-context: kubesvc
`,
  );
}
