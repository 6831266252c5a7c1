import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadKubeconfig } from './kubeconfig.js';

describe('a kubeconfig', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'kubesvc-kubeconfig-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const load = (user: string, cluster = 'server: https://api:6443', extra = '') => {
    const path = join(directory, 'config');
    writeFileSync(
      path,
      `apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u${extra}}}]
clusters: [{name: k, cluster: {${cluster}}}]
users: [{name: u, user: {${user}}}]
`,
    );
    return loadKubeconfig(path);
  };

  it('reads data and files relative to itself, data first', () => {
    writeFileSync(join(directory, 'ca.crt'), 'CA');
    const key = Buffer.from('KEY').toString('base64');
    const config = load(
      `client-key-data: ${key}, client-key: /nowhere`,
      'server: https://api:6443, certificate-authority: ca.crt, tls-server-name: kubernetes',
    );
    expect(String(config.ca)).toBe('CA');
    expect(String(config.key)).toBe('KEY');
    expect(config.serverName).toBe('kubernetes');
    expect(config.namespace).toBe('default');
  });

  it('takes tokens from the file or the text', () => {
    writeFileSync(join(directory, 'token'), 'from-file\n');
    expect(load('token: abc').bearerToken!()).toBe('abc');
    expect(load('token: abc, tokenFile: token').bearerToken!()).toBe('from-file');
    expect(load('username: x').bearerToken).toBeUndefined();
  });

  it('knows unix sockets', () => {
    expect(load('token: t', 'server: "unix:///run/api.sock"')).toMatchObject({
      server: 'https://localhost',
      socketPath: '/run/api.sock',
    });
  });

  it.each([
    ['exec: {command: aws}', undefined, /exec are not supported/],
    [
      'token: t',
      'certificate-authority: missing.crt, server: https://a',
      /unable to read certificate-authority missing.crt/,
    ],
    ['token: t', 'insecure-skip-tls-verify: true', /no server/],
  ])('refuses %s with a message that names the problem', (user, cluster, message) => {
    expect(() => load(user, cluster)).toThrow(message);
  });

  it('names a missing context, and a file that cannot be read', () => {
    load('token: t');
    expect(() => loadKubeconfig(join(directory, 'config'), 'other')).toThrow(
      /context "other" does not exist/,
    );
    expect(() => loadKubeconfig(join(directory, 'none'))).toThrow(/cannot read kubeconfig/);
  });
});
