import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, issueCertificate, type KeyPair } from '#base';
import { kubectlPath, root, run } from './harness.js';
import { Stream } from './space.js';

/** The one address of the namespace in which all parts run. */
export const ADDRESS = '172.31.0.1';
export const SERVER = `https://${ADDRESS}:6443`;

const TOKENS: [token: string, user: string, groups: string][] = [
  ['admin-token', 'admin', 'system:masters'],
  ['node-token', 'system:node:n1', 'system:nodes'],
  ['manager-token', 'system:kube-controller-manager', ''],
  ['scheduler-token', 'system:kube-scheduler', ''],
  ['proxy-token', 'system:kube-proxy', ''],
  ['dns-token', 'system:serviceaccount:kube-system:coredns', 'system:serviceaccounts'],
];

/** Files that an administrator would make for the parts: an authority, certificates, tokens, kubeconfigs. */
export class Files {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, content: string): string {
    writeFileSync(this.path(name), content, { mode: 0o600 });
    return this.path(name);
  }

  async make(): Promise<void> {
    mkdirSync(this.directory, { recursive: true });
    const authority = await createAuthority('parts-ca');
    const pair = (name: string, { certificate, key }: KeyPair) => {
      this.write(`${name}.crt`, certificate);
      this.write(`${name}.key`, key);
    };
    this.write('ca.crt', authority.certificate);
    const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'n1'];
    const ipAddresses = [ADDRESS, '10.96.0.1', '127.0.0.1'];
    pair(
      'serving',
      await issueCertificate(authority, {
        commonName: 'serving',
        dnsNames: names,
        ipAddresses,
        usages: ['server'],
      }),
    );
    pair(
      'kubelet-client',
      await issueCertificate(authority, {
        commonName: 'apiserver',
        organizations: ['system:masters'],
        usages: ['client'],
      }),
    );
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.write('sa.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    this.write('sa.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString());
    this.write('tokens.csv', TOKENS.map(([t, u, g]) => `${t},${u},uid-${u},"${g}"\n`).join(''));
    for (const [token] of TOKENS) this.write(`${token.replace('-token', '')}.conf`, this.kubeconfig(token));
  }

  kubeconfig(token: string): string {
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
      clusters: [{ name: 'k', cluster: { server: SERVER, 'certificate-authority': 'ca.crt' } }],
      users: [{ name: 'u', user: { token } }],
    });
  }

  /** The flags of an API server that uses all of these files. */
  apiserverFlags(): string[] {
    const flags: [string, string][] = [
      ['secure-port', '6443'],
      ['bind-address', ADDRESS],
      ['advertise-address', ADDRESS],
      ['service-cluster-ip-range', '10.96.0.0/16'],
      ['service-node-port-range', '31000-31999'],
      ['client-ca-file', this.path('ca.crt')],
      ['tls-cert-file', this.path('serving.crt')],
      ['tls-private-key-file', this.path('serving.key')],
      ['token-auth-file', this.path('tokens.csv')],
      ['service-account-issuer', 'https://kubernetes.default.svc'],
      ['service-account-signing-key-file', this.path('sa.key')],
      ['service-account-key-file', this.path('sa.pub')],
      ['kubelet-certificate-authority', this.path('ca.crt')],
      ['kubelet-client-certificate', this.path('kubelet-client.crt')],
      ['kubelet-client-key', this.path('kubelet-client.key')],
    ];
    return flags.map(([name, value]) => `--${name}=${value}`);
  }
}

/** Starts one part of kubesvc as a process of its own. */
export function part(...args: string[]): Stream {
  return Stream.of([process.execPath, join(root, 'bin/kubesvc'), ...args]);
}

/** kubectl with one of the kubeconfigs; returns its output, or its error text when it failed. */
export async function kubectl(kubeconfig: string, args: string[], input?: string): Promise<string> {
  const result = await run(
    kubectlPath,
    ['--kubeconfig', kubeconfig, '--cache-dir', `${kubeconfig}.cache`, ...args],
    {
      ...(input === undefined ? {} : { input }),
    },
  );
  return result.code === 0 ? result.stdout : `failed: ${result.stderr}`;
}
