import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { posix } from 'node:path';

/** Absolute paths of the programs that the runtime starts; looked up once, never through a container's PATH. */
export interface Tools {
  nsenter: string;
  unshare: string;
  sh: string;
  ip: string;
  mount: string;
  pivotRoot: string;
  umount: string;
  setpriv: string;
  env: string;
  sleep: string;
  /** Absent: containers and exec sessions cannot have a terminal. */
  script?: string;
  stty?: string;
  tty?: string;
}

const SEARCH = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin'];

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function find(name: string): string | undefined {
  return SEARCH.map((directory) => posix.join(directory, name)).find(isProgram);
}

/** Finds the programs; throws an Error that names the Debian package of the one that is missing. */
export function findTools(): Tools {
  const need = (name: string, debianPackage: string): string => {
    const path = find(name);
    if (path === undefined)
      throw new Error(`${name} was not found in ${SEARCH.join(':')}; install the package ${debianPackage}`);
    return path;
  };
  const optional = { script: find('script'), stty: find('stty'), tty: find('tty') };
  return {
    nsenter: need('nsenter', 'util-linux'),
    unshare: need('unshare', 'util-linux'),
    sh: need('sh', 'dash'),
    ip: need('ip', 'iproute2'),
    mount: need('mount', 'mount'),
    pivotRoot: need('pivot_root', 'util-linux'),
    umount: need('umount', 'mount'),
    setpriv: need('setpriv', 'util-linux'),
    env: need('env', 'coreutils'),
    sleep: need('sleep', 'coreutils'),
    ...(optional.script === undefined ? {} : { script: optional.script }),
    ...(optional.stty === undefined ? {} : { stty: optional.stty }),
    ...(optional.tty === undefined ? {} : { tty: optional.tty }),
  };
}

/** Finds a container's program the way execvp does; undefined when there is none. */
export function findExecutable(command: string, path: string, workingDir: string): string | undefined {
  if (command.includes('/')) {
    const absolute = posix.resolve(workingDir, command);
    return isProgram(absolute) ? absolute : undefined;
  }
  return path
    .split(':')
    .map((directory) => posix.resolve(workingDir, directory, command))
    .find(isProgram);
}

/** True when the id exists in this process's user namespace (`/proc/self/uid_map`, `gid_map`). */
export function isMapped(id: number, file: 'uid_map' | 'gid_map'): boolean {
  return readFileSync(`/proc/self/${file}`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([inside, , count]) => id >= inside! && id < inside! + (count ?? 0));
}

/** Home directory of a user by /etc/passwd; `/` when unknown, as runc does. */
export function homeOf(uid: number): string {
  if (uid === 0) return '/root';
  try {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.split(':')[2] === String(uid));
    return line?.split(':')[5] || '/';
  } catch {
    return '/';
  }
}

/** Group of a user by /etc/passwd, 0 when unknown. */
export function groupOf(uid: number): number {
  try {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.split(':')[2] === String(uid));
    return Number(line?.split(':')[3] ?? 0);
  } catch {
    return 0;
  }
}
