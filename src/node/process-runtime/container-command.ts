import { posix } from 'node:path';
import type { ContainerConfig, ContainerSecurity, SandboxConfig } from '../runtime.js';
import { fstabPath, planMounts } from './mount-plan.js';
import type { Tools } from './tools.js';

/**
 * Runs in the container's mount namespace. The subshell is the first process of the container's PID namespace:
 * it mounts everything with one program start, moves the root when needed, announces its process id on standard
 * output and becomes the container's program. The outer shell turns the end into an exit code (128 + signal, as
 * CRI does; unshare --fork reports a SIGKILL as 1), its own remarks about signals go nowhere. Only positional
 * parameters are used, since every variable of the environment belongs to the container.
 * $1 mount, $2 fstab, $3 new root or empty, $4 pivot_root, $5 umount, $6 working directory, then the command.
 */
const SCRIPT = `
exec 9>&2 2>/dev/null
(
  exec 2>&9 9>&-
  read -r kubesvc_pid kubesvc_rest < /proc/self/stat || exit 70
  "$1" -a -T "$2" >&2 || exit 71
  if [ -n "$3" ]; then cd "$3" && "$4" . . && "$5" -l . && cd / || exit 72; fi
  cd -- "$6" || exit 73
  unset PWD OLDPWD
  echo "kubesvc $kubesvc_pid"
  shift 6
  exec "$@"
)
exit $?
`;

/** What containerd gives an unprivileged container. */
const DEFAULT_CAPABILITIES = [
  'chown',
  'dac_override',
  'fowner',
  'fsetid',
  'kill',
  'setgid',
  'setuid',
  'setpcap',
  'net_bind_service',
  'net_raw',
  'sys_chroot',
  'mknod',
  'audit_write',
  'setfcap',
];

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

/** Names without the `CAP_` prefix, lower case; `ALL` is handled by the caller. */
const capability = (name: string): string => name.toLowerCase().replace(/^cap_/, '');

/** Arguments of setpriv(1) for a container's privileges. */
export function privilegeArguments(security: ContainerSecurity): string[] {
  const { user } = security;
  // Set last, since the kernel forgets it when the user changes.
  const args = ['--pdeathsig=KILL'];
  if (user.uid !== undefined && user.uid !== 0) args.push(`--reuid=${user.uid}`);
  if (user.gid !== undefined && (user.gid !== 0 || user.uid !== undefined)) args.push(`--regid=${user.gid}`);
  if (user.supplementalGroups.length > 0) args.push(`--groups=${user.supplementalGroups.join(',')}`);
  else if (user.uid !== undefined && user.uid !== 0) args.push('--clear-groups');
  if (security.noNewPrivileges) args.push('--no-new-privs');
  if (!security.privileged) args.push(`--bounding-set=${boundingSet(security)}`, '--inh-caps=-all');
  return args;
}

function boundingSet({ addCapabilities, dropCapabilities }: ContainerSecurity): string {
  const add = addCapabilities.map(capability);
  const drop = dropCapabilities.map(capability);
  if (add.includes('all')) return ['+all', ...drop.map((name) => `-${name}`)].join(',');
  const base = drop.includes('all') ? [] : DEFAULT_CAPABILITIES.filter((name) => !drop.includes(name));
  return ['-all', ...[...new Set([...base, ...add])].map((name) => `+${name}`)].join(',');
}

/** Quotes for a POSIX shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

const isIdentifier = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);

/** Variables that a shell drops or sets by itself on the way. */
function oddVariables(env: Record<string, string>): string[] {
  return Object.entries(env)
    .filter(([name]) => !isIdentifier(name) || name === 'PWD' || name === 'OLDPWD')
    .map(([name, value]) => `${name}=${value}`);
}

/** The end of every start of a container, in its working directory: privileges, odd variables, program. */
function startArguments(config: ContainerConfig, command: string[], tools: Tools): string[] {
  const odd = oddVariables(config.env);
  return [
    tools.setpriv,
    ...privilegeArguments(config.security),
    '--',
    ...(odd.length === 0 ? [] : [tools.env, ...odd]),
    ...command,
  ];
}

/** The same for a program beside the container's own, which passes no shell on its way. */
export function execArguments(
  config: Pick<ContainerConfig, 'security' | 'workingDir'>,
  command: string[],
  tools: Tools,
): string[] {
  return [
    tools.setpriv,
    ...privilegeArguments(config.security),
    '--',
    tools.env,
    '-C',
    config.workingDir,
    ...command,
  ];
}

/**
 * Wraps a command in a terminal of its own by script(1). The terminal's name is printed as the first line.
 */
export function terminalCommand(command: string[], env: Record<string, string>, tools: Tools): string[] {
  const restore = env['SHELL'] === undefined ? 'unset SHELL' : `SHELL=${shellQuote(env['SHELL'])}`;
  const inner = `${tools.tty}; ${restore}; exec ${command.map(shellQuote).join(' ')}`;
  return [tools.env, 'SHELL=/bin/sh', tools.script!, '-qefc', inner, '/dev/null'];
}

export interface MountContext {
  /** Empty directory in memory for this container. */
  scratch: string;
  /** The pod's shared memory directory. */
  sharedMemory: string;
  /** Directories that are hidden from the container, since they hold other pods' secrets and the cluster's keys. */
  hidden: string[];
  /** False where the kernel refuses a fresh sysfs. */
  sysfs: boolean;
}

/** The text of the container's fstab and its new root. `devDirectory` must hold empty places for the devices. */
export function renderMounts(
  config: ContainerConfig,
  sandbox: SandboxConfig,
  context: MountContext,
): { fstab: string; newRoot: string } {
  const { privileged } = config.security;
  const dev = posix.join(context.scratch, 'dev');
  const mounts = [...config.mounts];
  if (!privileged) mounts.push({ source: dev, target: '/dev', readOnly: false });
  if (config.terminationMessage !== undefined) mounts.push({ ...config.terminationMessage, readOnly: false });
  const plan = planMounts(mounts, context.scratch, config.security.readOnlyRoot);
  const at = (path: string) => fstabPath(plan.newRoot === undefined ? path : posix.join(plan.newRoot, path));
  const lines = [
    ...(privileged ? [] : deviceLines(dev, context.sharedMemory)),
    ...plan.lines,
    `kubesvc-proc ${at('/proc')} proc nosuid,nodev,noexec 0 0`,
    ...(context.sysfs && sandbox.network !== undefined
      ? [`kubesvc-sys ${at('/sys')} sysfs ${privileged ? 'rw' : 'ro'},nosuid,nodev,noexec 0 0`]
      : []),
    ...(privileged ? [] : [`/proc/sys ${at('/proc/sys')} none bind,ro 0 0`]),
    ...context.hidden
      .filter((path) => plan.shows(path))
      .map((path, i) => `kubesvc-hidden${i} ${at(path)} tmpfs ro,size=4k,mode=0700 0 0`),
  ];
  return { fstab: `${lines.join('\n')}\n`, newRoot: plan.newRoot ?? '' };
}

/** Places that `deviceLines` binds onto; to be created (directories end with a slash) before the plan is drawn. */
export const DEVICE_PLACES = [...DEVICES, 'pts/', 'shm/', 'mqueue/'];
/** Symbolic links of a container's /dev. */
export const DEVICE_LINKS: [name: string, target: string][] = [
  ['ptmx', 'pts/ptmx'],
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
];

function deviceLines(dev: string, sharedMemory: string): string[] {
  const place = (name: string) => fstabPath(posix.join(dev, name));
  return [
    ...DEVICES.map((name) => `/dev/${name} ${place(name)} none bind 0 0`),
    `kubesvc-pts ${place('pts')} devpts newinstance,ptmxmode=0666,mode=0620 0 0`,
    `kubesvc-mqueue ${place('mqueue')} mqueue nosuid,nodev,noexec 0 0`,
    `${fstabPath(sharedMemory)} ${place('shm')} none bind 0 0`,
  ];
}

/** The whole command that starts a container inside its sandbox. */
export function containerCommand(
  config: ContainerConfig,
  sandbox: { pid: number; config: SandboxConfig },
  mounts: { fstabFile: string; newRoot: string },
  tools: Tools,
): string[] {
  const ownProcesses = !sandbox.config.hostPID && !sandbox.config.shareProcessNamespace;
  const command = config.tty ? terminalCommand(config.command, config.env, tools) : config.command;
  return [
    tools.nsenter,
    `--target=${sandbox.pid}`,
    '--uts',
    ...(sandbox.config.network === undefined ? [] : ['--net']),
    ...(sandbox.config.hostIPC ? [] : ['--ipc']),
    ...(sandbox.config.shareProcessNamespace ? ['--pid'] : []),
    '--',
    tools.unshare,
    '--mount',
    ...(ownProcesses ? ['--pid'] : []),
    '--',
    tools.sh,
    '-c',
    SCRIPT,
    'kubesvc-container',
    tools.mount,
    mounts.fstabFile,
    mounts.newRoot,
    tools.pivotRoot,
    tools.umount,
    config.workingDir,
    ...startArguments(config, command, tools),
  ];
}
