import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { authentication, core } from '#api';
import type { Client } from '#client';
import { PayloadPathError, writeAtomically } from './atomic-writer.js';
import { prepareHostPath } from './host-path.js';
import type { PayloadContext } from './payload.js';
import { PodVolumes } from './pod-volumes.js';
import { createTokenSource } from './tokens.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kubesvc-volumes-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const file = (text: string, mode = 0o644) => ({ data: Buffer.from(text), mode });

describe('atomic writer', () => {
  it('shows files by links into one directory that is replaced as a whole', async () => {
    expect(
      await writeAtomically(
        directory,
        new Map([
          ['a', file('1')],
          ['d/b', file('2', 0o400)],
        ]),
      ),
    ).toBe(true);
    expect(
      readdirSync(directory)
        .filter((name) => !name.startsWith('..'))
        .sort(),
    ).toEqual(['a', 'd']);
    expect(readlinkSync(join(directory, 'a'))).toBe('..data/a');
    expect(readFileSync(join(directory, 'd/b'), 'utf8')).toBe('2');
    expect(statSync(join(directory, 'd/b')).mode & 0o777).toBe(0o400);
    const before = readlinkSync(join(directory, '..data'));
    expect(await writeAtomically(directory, new Map([['a', file('3')]]))).toBe(true);
    expect(readFileSync(join(directory, 'a'), 'utf8')).toBe('3');
    expect(readdirSync(directory).sort()).toEqual(
      ['..data', readlinkSync(join(directory, '..data')), 'a'].sort(),
    );
    expect(readlinkSync(join(directory, '..data'))).not.toBe(before);
  });

  it('writes nothing when nothing differs, and again when a mode does', async () => {
    await writeAtomically(directory, new Map([['a', file('1')]]));
    expect(await writeAtomically(directory, new Map([['a', file('1')]]))).toBe(false);
    expect(await writeAtomically(directory, new Map([['a', file('1', 0o600)]]))).toBe(true);
  });

  it.each(['', '/abs', '../up', 'a/../../b', '..data'])('refuses the path %j', async (path) => {
    await expect(writeAtomically(directory, new Map([[path, file('x')]]))).rejects.toThrow(PayloadPathError);
  });
});

describe('hostPath', () => {
  it('is created for the OrCreate types, and for none', () => {
    expect(statSync(prepareHostPath(join(directory, 'd/e'), 'DirectoryOrCreate')).isDirectory()).toBe(true);
    expect(statSync(prepareHostPath(join(directory, 'f/g'), 'FileOrCreate')).isFile()).toBe(true);
    expect(statSync(prepareHostPath(join(directory, 'x'), '')).isDirectory()).toBe(true);
  });
  it('must be what its type says', () => {
    expect(() => prepareHostPath(join(directory, 'no'), 'Directory')).toThrow('hostPath type check failed');
    expect(() => prepareHostPath(directory, 'File')).toThrow(`${directory} is not a file`);
    expect(() => prepareHostPath(directory, 'Socket')).toThrow('is not a socket file');
  });
});

describe('pod volumes', () => {
  const pod = (volumes: core.Volume[], over: Partial<core.PodSpec> = {}): core.Pod => ({
    metadata: { name: 'web', namespace: 'shop', uid: 'u1', labels: { a: 'b' } },
    spec: { containers: [{ name: 'main' }], volumes, ...over },
  });
  let configMap: core.ConfigMap | undefined;
  const context = (of: core.Pod): PayloadContext => ({
    facts: { pod: of, podIPs: [], hostIPs: [], allocatable: {} },
    source: {
      configMap: async () => configMap,
      secret: async () => ({ metadata: {}, data: { pw: Buffer.from('hush').toString('base64') } }),
    },
    tokens: { token: async (_, { audience }) => `token for ${audience}`, forget: () => {} },
  });
  const make = () => new PodVolumes({ disk: join(directory, 'disk'), memory: join(directory, 'memory') });
  const mount = (name: string): core.VolumeMount => ({ name, mountPath: '/x' });

  it('project what the API has, and follow its changes', async () => {
    configMap = { metadata: {}, data: { k: 'v', other: 'o' } };
    const of = pod([
      {
        name: 'all',
        projected: {
          sources: [
            { serviceAccountToken: { path: 'token', audience: 'me' } },
            { configMap: { name: 'cm', items: [{ key: 'k', path: 'dir/k' }] } },
            { secret: { name: 's' } },
            { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
          ],
        },
      },
    ]);
    const volumes = make();
    await volumes.setUp(context(of));
    const source = volumes.sourceOf(mount('all'), undefined);
    const read = (path: string) => readFileSync(join(source, path), 'utf8');
    expect([read('token'), read('dir/k'), read('pw'), read('labels')]).toEqual([
      'token for me',
      'v',
      'hush',
      'a="b"',
    ]);
    expect(statSync(join(source, 'token')).mode & 0o777).toBe(0o600);
    expect(await volumes.refresh(context(of))).toBe(false);
    configMap = { metadata: {}, data: { k: 'new' } };
    expect(await volumes.refresh(context(of))).toBe(true);
    expect(read('dir/k')).toBe('new');
    volumes.remove();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('keep an emptyDir on disk or in memory, writable by everybody', async () => {
    const of = pod([
      { name: 'd', emptyDir: {} },
      { name: 'm', emptyDir: { medium: 'Memory' } },
    ]);
    const volumes = make();
    await volumes.setUp(context(of));
    expect(volumes.sourceOf(mount('d'), undefined)).toContain('/disk/');
    expect(volumes.sourceOf(mount('m'), undefined)).toContain('/memory/');
    expect(statSync(volumes.sourceOf(mount('d'), undefined)).mode & 0o777).toBe(0o777);
  });

  it('refuse what does not exist or is not supported', async () => {
    configMap = undefined;
    await expect(make().setUp(context(pod([{ name: 'c', configMap: { name: 'cm' } }])))).rejects.toThrow(
      'configmap "cm" not found',
    );
    await make().setUp(context(pod([{ name: 'c', configMap: { name: 'cm', optional: true } }])));
    configMap = { metadata: {}, data: {} };
    const missing = pod([{ name: 'c', configMap: { name: 'cm', items: [{ key: 'no', path: 'p' }] } }]);
    await expect(make().setUp(context(missing))).rejects.toThrow('references non-existent config key: no');
    const claim = pod([{ name: 'p', persistentVolumeClaim: { claimName: 'x' } }]);
    await expect(make().setUp(context(claim))).rejects.toThrow('persistentVolumeClaim are not supported');
  });

  it('give a subPath inside the volume, whatever links it holds', async () => {
    const of = pod([{ name: 'd', emptyDir: {} }]);
    const volumes = make();
    await volumes.setUp(context(of));
    const base = volumes.sourceOf(mount('d'), undefined);
    expect(statSync(volumes.sourceOf(mount('d'), 'a/b')).isDirectory()).toBe(true);
    mkdirSync(join(base, 'etc'));
    symlinkSync('/etc', join(base, 'link'));
    expect(volumes.sourceOf(mount('d'), 'link')).toBe(join(base, 'etc'));
    symlinkSync('../../../..', join(base, 'up'));
    expect(volumes.sourceOf(mount('d'), 'up')).toBe(join(base, '/'));
    writeFileSync(join(base, 'f'), '');
    expect(() => volumes.sourceOf(mount('d'), 'f/x')).toThrow('is not a directory');
  });
});

describe('tokens', () => {
  const pod: core.Pod = {
    metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
    spec: { containers: [], serviceAccountName: 'sa' },
  };
  function source() {
    let now = 0;
    let isDown = false;
    const requests: authentication.TokenRequest[] = [];
    const client = {
      resource: () => ({
        createSubresource: async (
          _name: string,
          _ns: string,
          _sub: string,
          body: authentication.TokenRequest,
        ) => {
          if (isDown) throw new Error('down');
          requests.push(body);
          return {
            ...body,
            status: {
              token: `t${requests.length}`,
              expirationTimestamp: new Date(now + 1_000_000).toISOString(),
            },
          };
        },
      }),
    } as unknown as Client;
    return {
      tokens: createTokenSource(client, () => now),
      requests,
      at: (ms: number) => (now = ms),
      down: (is: boolean) => (isDown = is),
    };
  }
  const projection = { path: 'token', expirationSeconds: 1000 };

  it('are bound to the pod and asked for again at 80 % of their life', async () => {
    const { tokens, requests, at } = source();
    expect(await tokens.token(pod, projection)).toBe('t1');
    expect(requests[0]?.spec).toEqual({
      expirationSeconds: 1000,
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web', uid: 'u1' },
    });
    at(799_999);
    expect(await tokens.token(pod, projection)).toBe('t1');
    at(800_000);
    expect(await tokens.token(pod, projection)).toBe('t2');
  });

  it('stay in use while the API is away, until they expire', async () => {
    const { tokens, at, down } = source();
    await tokens.token(pod, projection);
    down(true);
    at(999_999);
    expect(await tokens.token(pod, projection)).toBe('t1');
    at(1_000_000);
    await expect(tokens.token(pod, projection)).rejects.toThrow('down');
  });

  it('differ by audience, and are forgotten with the pod', async () => {
    const { tokens, requests } = source();
    await tokens.token(pod, projection);
    await tokens.token(pod, { ...projection, audience: 'vault' });
    expect(requests[1]?.spec?.audiences).toEqual(['vault']);
    tokens.forget('u1');
    expect(await tokens.token(pod, projection)).toBe('t3');
  });
});
