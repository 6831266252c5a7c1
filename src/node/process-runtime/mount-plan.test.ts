import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PathError } from '../path-walk.js';
import { privilegeArguments, shellQuote } from './container-command.js';
import { fstabPath, planMounts } from './mount-plan.js';

let root: string;
let scratch: string;
let volume: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kubesvc-mounts-'));
  scratch = join(root, 'scratch');
  volume = join(root, 'volume');
  mkdirSync(scratch);
  mkdirSync(volume);
  mkdirSync(join(root, 'etc/old'), { recursive: true });
  writeFileSync(join(root, 'etc/file'), '');
  symlinkSync('old', join(root, 'etc/link'));
  symlinkSync('missing', join(root, 'etc/dangling'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const mount = (target: string, source = volume, readOnly = false) => ({ source, target, readOnly });

describe('mount plan', () => {
  it('binds onto what exists, through links, and mirrors nothing', () => {
    const plan = planMounts([mount(join(root, 'etc/link'), volume, true)], scratch);
    expect(plan.lines).toEqual([`${volume} ${join(root, 'etc/old')} none rbind,ro 0 0`]);
    expect(plan.newRoot).toBeUndefined();
  });

  it('mirrors the nearest existing directory for a path that does not exist', () => {
    const plan = planMounts([mount(join(root, 'etc/new/deep'))], scratch);
    const skeleton = join(scratch, 'mirror-0');
    expect(plan.lines).toEqual([
      `${root}/etc/file ${skeleton}/file none bind,nofail 0 0`,
      `${root}/etc/old ${skeleton}/old none rbind,nofail 0 0`,
      `${skeleton} ${root}/etc none rbind 0 0`,
      `${volume} ${root}/etc/new/deep none rbind 0 0`,
    ]);
    expect(statSync(join(skeleton, 'new/deep')).isDirectory()).toBe(true);
    expect(existsSync(join(root, 'etc/new'))).toBe(false);
  });

  it('moves the root when a path is missing right below it', () => {
    const plan = planMounts([mount('/kubesvc-no-such-directory')], scratch);
    expect(plan.newRoot).toBe(join(scratch, 'mirror-0'));
    expect(plan.lines[0]).toBe(`${plan.newRoot} ${plan.newRoot} none rbind 0 0`);
    expect(plan.lines.at(-1)).toBe(`${volume} ${plan.newRoot}/kubesvc-no-such-directory none rbind 0 0`);
    expect(plan.lines).toContain(`/usr ${plan.newRoot}/usr none rbind,nofail 0 0`);
  });

  it('makes everything but the mounts read-only when asked to', () => {
    const plan = planMounts([mount(join(root, 'etc/old'))], scratch, true);
    expect(plan.lines).toContain(`/usr ${plan.newRoot}/usr none rbind,ro,nofail 0 0`);
    expect(plan.lines).toContain(`/dev ${plan.newRoot}/dev none rbind,nofail 0 0`);
    expect(plan.lines.at(-1)).toBe(`${volume} ${plan.newRoot}${root}/etc/old none rbind 0 0`);
  });

  it('creates a mount point inside a volume in that volume', () => {
    const inner = join(root, 'inner');
    mkdirSync(inner);
    const target = join(root, 'etc/old');
    const plan = planMounts([mount(`${target}/sub/deep`, inner), mount(target)], scratch);
    expect(plan.lines).toEqual([
      `${volume} ${target} none rbind 0 0`,
      `${inner} ${target}/sub/deep none rbind 0 0`,
    ]);
    expect(existsSync(join(volume, 'sub/deep'))).toBe(true);
  });

  it('mounts a file on a new file', () => {
    const file = join(volume, 'f');
    writeFileSync(file, 'x');
    planMounts([mount(join(root, 'etc/new.conf'), file)], scratch);
    expect(statSync(join(scratch, 'mirror-0/new.conf')).isFile()).toBe(true);
  });

  it('knows whether a directory of the node is still to be seen', () => {
    const plan = planMounts([mount(join(root, 'etc/old'))], scratch);
    expect(plan.shows(join(root, 'etc'))).toBe(true);
    expect(plan.shows(join(root, 'etc/old/x'))).toBe(false);
  });

  it.each([
    ['a directory over a file', 'etc/file', 'cannot mount a directory'],
    ['below a file', 'etc/file/x', 'is not a directory'],
  ])('refuses to mount %s', (_, path, message) =>
    expect(() => planMounts([mount(join(root, path))], scratch)).toThrow(message),
  );

  it('refuses the root and endless links', () => {
    symlinkSync('loop', join(root, 'etc/loop'));
    expect(() => planMounts([mount('/')], scratch)).toThrow(PathError);
    expect(() => planMounts([mount(join(root, 'etc/loop/x'))], scratch)).toThrow('too many levels');
  });
});

it('paths of fstab have no blanks, hashes or backslashes left in them', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const escaped = fstabPath(`/${text}`);
      expect(escaped).not.toMatch(/[ \t\n\r#]/);
      expect(
        escaped.replace(/\\([0-7]{3})/g, (_, octal: string) =>
          String.fromCharCode(Number.parseInt(octal, 8)),
        ),
      ).toBe(`/${text}`);
    }),
  );
});

describe('privileges', () => {
  const security = {
    user: { supplementalGroups: [] as number[] },
    privileged: false,
    noNewPrivileges: false,
    readOnlyRoot: false,
    addCapabilities: [] as string[],
    dropCapabilities: [] as string[],
  };
  const bounding = (over: Partial<typeof security>) =>
    privilegeArguments({ ...security, ...over }).find((arg) => arg.startsWith('--bounding-set'));
  it("are containerd's by default", () => {
    expect(bounding({})).toBe(
      '--bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap',
    );
  });
  it('are added and dropped by name or all', () => {
    expect(bounding({ dropCapabilities: ['ALL'], addCapabilities: ['NET_ADMIN', 'CAP_CHOWN'] })).toBe(
      '--bounding-set=-all,+net_admin,+chown',
    );
    expect(bounding({ addCapabilities: ['ALL'], dropCapabilities: ['SYS_ADMIN'] })).toBe(
      '--bounding-set=+all,-sys_admin',
    );
    expect(bounding({ privileged: true })).toBeUndefined();
  });
  it('set the user and its groups', () => {
    expect(
      privilegeArguments({
        ...security,
        user: { uid: 1000, gid: 100, supplementalGroups: [5] },
        noNewPrivileges: true,
      }).slice(0, 5),
    ).toEqual(['--pdeathsig=KILL', '--reuid=1000', '--regid=100', '--groups=5', '--no-new-privs']);
    expect(privilegeArguments({ ...security, user: { uid: 1000, supplementalGroups: [] } })).toContain(
      '--clear-groups',
    );
  });
});

it('shell quoting keeps a text one word', () => {
  expect(shellQuote("it's $HOME")).toBe(`'it'\\''s $HOME'`);
});
