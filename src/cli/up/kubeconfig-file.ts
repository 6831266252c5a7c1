import { stringify } from 'yaml';
import type { KeyPair } from '#base';
import { writeSecret } from './credentials.js';

/** Writes a self-contained kubeconfig (mode 0600) with one cluster, one user and one context named `kubesvc`. */
export function writeKubeconfig(
  path: string,
  options: { server: string; ca: string; user: string; pair: KeyPair },
): void {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const name = 'kubesvc';
  writeSecret(
    path,
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name, cluster: { server: options.server, 'certificate-authority-data': base64(options.ca) } },
      ],
      users: [
        {
          name: options.user,
          user: {
            'client-certificate-data': base64(options.pair.certificate),
            'client-key-data': base64(options.pair.key),
          },
        },
      ],
      contexts: [{ name, context: { cluster: name, user: options.user } }],
      'current-context': name,
    }),
  );
}
