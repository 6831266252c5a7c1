// `npm run test:ipvs`: boots a Debian kernel, which has ip_vs, under software emulation and runs the packet tests in
// it. Nothing is installed, nothing of the host's network is touched: the guest has no network card, and everything
// that it holds is in memory.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findProgram, writeInitramfs } from './initramfs.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, 'node_modules/.cache/test-ipvs');
/** The whole run: emulation on a busy machine is slow, but never slower than this. */
const LIMIT_MS = Number(process.env.TEST_IPVS_LIMIT_MS ?? 1_800_000);
const MEMORY_MIB = 2048;

/** What the guest runs, besides Node and the plug-ins of iptables. */
const programs = [
  ...['iptables', 'ip6tables'].flatMap((name) =>
    ['', '-nft', '-legacy'].flatMap((kind) => ['', '-save', '-restore'].map((part) => name + kind + part)),
  ),
  ...'nft xtables-monitor ip ipvsadm ipset conntrack socat sysctl modprobe mount'.split(' '),
  ...'unshare nsenter setpriv sh cat sleep stdbuf'.split(' '),
];

/** Debian's kernel as `{ image, modules }`, downloaded (not installed) when the cache has none. */
function kernel() {
  const unpacked = join(cache, 'kernel');
  if (!existsSync(unpacked)) downloadKernel(unpacked);
  const version = readdirSync(join(unpacked, 'lib/modules'))[0];
  const modules = join(unpacked, 'lib/modules', version);
  return { image: join(unpacked, `boot/vmlinuz-${version}`), modules };
}

function downloadKernel(unpacked) {
  console.log("downloading Debian's kernel (27 MB, kept below node_modules/.cache)");
  // Lists may be missing (a fresh container) or older than the archive.
  if (process.getuid() === 0) execFileSync('apt-get', ['update', '-qq'], { stdio: 'inherit' });
  const meta = execFileSync('apt-cache', ['depends', 'linux-image-cloud-amd64'], { encoding: 'utf8' });
  const name = /Depends: (linux-image-\S+)/.exec(meta)?.[1];
  if (name === undefined) throw new Error('no linux-image-cloud-amd64 in the package lists: apt-get update');
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'download-'));
  try {
    execFileSync('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', name], {
      cwd: work,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const tree = join(work, 'tree');
    execFileSync('dpkg-deb', ['-x', join(work, readdirSync(work)[0]), tree]);
    execFileSync(findProgram('depmod'), ['-b', tree, readdirSync(join(tree, 'lib/modules'))[0]]);
    renameSync(tree, unpacked);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Titles to run, as a regular expression: `npm run test:ipvs -- SCTP`. */
const filter = (process.argv[2] ?? '').replaceAll("'", '.');

const init = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp KUBESVC_TEST_GUEST=1
mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t devtmpfs dev /dev && mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
ip link set lo up
cd /test
${process.execPath} main.mjs '${filter}'
echo "### exit $?"
echo o > /proc/sysrq-trigger
sleep 30
`;

async function bundle(work) {
  const { rolldown } = await import('rolldown');
  const built = await rolldown({
    input: join(root, 'test/ipvs/guest/main.ts'),
    platform: 'node',
    external: /^node:/,
    resolve: { alias: { vitest: join(root, 'test/ipvs/guest/vitest.ts') } },
    logLevel: 'silent',
  });
  await built.write({
    dir: work,
    entryFileNames: 'main.mjs',
    chunkFileNames: '[name]-[hash].mjs',
    format: 'esm',
  });
  return Object.fromEntries(
    readdirSync(work).map((name) => [
      `/test/${name}`,
      { mode: 0o100644, data: readFileSync(join(work, name)) },
    ]),
  );
}

/** Boots the guest, prints what it prints, and resolves with its tests' exit code. */
function boot({ image }, initrd) {
  const append = 'console=ttyS0 panic=-1 quiet loglevel=3 random.trust_cpu=on mitigations=off tsc=unstable';
  const machine = `-accel tcg,thread=multi -cpu max -smp 2 -m ${MEMORY_MIB} -nodefaults -no-reboot`;
  const devices = '-nic none -display none -monitor none -serial stdio';
  const args = [...machine.split(' '), ...devices.split(' ')];
  args.push('-kernel', image, '-initrd', initrd, '-append', append);
  const qemu = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = () => qemu.kill('SIGKILL');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, stop);
  process.once('exit', stop);
  const timer = setTimeout(() => {
    console.error(`the guest did not end within ${LIMIT_MS / 1000} s`);
    stop();
  }, LIMIT_MS);
  let code = 1;
  createInterface({ input: qemu.stdout }).on('line', (line) => {
    const exit = /^### exit (\d+)/.exec(line);
    if (exit === null) console.log(line);
    else code = Number(exit[1]);
  });
  return new Promise((done) => {
    qemu.on('close', () => {
      clearTimeout(timer);
      done(code);
    });
  });
}

if (process.arch !== 'x64') {
  console.error("the guest runs this machine's own programs, which must be for x86-64");
  process.exit(1);
}
// As root it installs what is missing; otherwise it says so and fails.
const packages = spawnSync(join(root, 'scripts/system-packages.sh'), ['ipvs'], { stdio: 'inherit' });
if (packages.status !== 0) process.exit(1);
const work = mkdtempSync(join(tmpdir(), 'kubesvc-ipvs-'));
process.once('exit', () => rmSync(work, { recursive: true, force: true }));
const found = kernel();
const initrd = join(work, 'initrd');
const echo = readFileSync(join(root, 'test/kernel/proxy-echo.mjs'));
writeInitramfs(initrd, {
  programs: [...programs.map(findProgram), process.execPath],
  plugins: ['/usr/lib/x86_64-linux-gnu/xtables', '/usr/libexec/coreutils'],
  modules: found.modules,
  files: {
    '/init': { mode: 0o100755, data: init },
    '/test/proxy-echo.mjs': { mode: 0o100644, data: echo },
    '/etc/protocols': { mode: 0o100644, data: readFileSync('/etc/protocols') },
    ...(await bundle(join(work, 'bundle'))),
  },
});
process.exit(await boot(found, initrd));
