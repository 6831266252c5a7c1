import { randomBytes } from 'node:crypto';
import {
  chmod,
  lchown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { posix } from 'node:path';

export interface FilePayload {
  data: Buffer;
  /** Permission bits. */
  mode: number;
}

/** Relative path to content. */
export type Payload = Map<string, FilePayload>;

const DATA_LINK = '..data';

/** A path that would leave the volume, or collide with the writer's own names. */
export class PayloadPathError extends Error {
  constructor(path: string) {
    super(`invalid path in volume: ${JSON.stringify(path)}`);
    this.name = 'PayloadPathError';
  }
}

function checkPath(path: string): void {
  const parts = path.split('/');
  if (path === '' || path.startsWith('/') || parts.includes('..') || parts[0]!.startsWith('..'))
    throw new PayloadPathError(path);
}

/**
 * Projects files into a directory so that readers see all of a change or nothing of it: a new timestamped
 * directory, then one rename of the `..data` link (kubelet's AtomicWriter). Returns whether anything changed.
 * `gid` makes the files readable to that group. Rejects with PayloadPathError.
 */
export async function writeAtomically(directory: string, payload: Payload, gid?: number): Promise<boolean> {
  for (const path of payload.keys()) checkPath(path);
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const old = await readlink(posix.join(directory, DATA_LINK)).catch(() => undefined);
  if (old !== undefined && (await unchanged(posix.join(directory, old), payload))) return false;
  const fresh = `..${timestamp()}.${randomBytes(4).toString('hex')}`;
  await writeAll(posix.join(directory, fresh), payload, gid);
  const temporary = posix.join(directory, '..data_tmp');
  await rm(temporary, { force: true });
  await symlink(fresh, temporary);
  await rename(temporary, posix.join(directory, DATA_LINK));
  await linkTops(directory, payload);
  if (old !== undefined) await rm(posix.join(directory, old), { recursive: true, force: true });
  return true;
}

function timestamp(): string {
  return new Date().toISOString().replace(/[-:]/g, '_').replace('T', '_').slice(0, 19);
}

async function unchanged(directory: string, payload: Payload): Promise<boolean> {
  const present = await filesBelow(directory);
  if (present.length !== payload.size) return false;
  for (const path of present) {
    const wanted = payload.get(path);
    if (wanted === undefined) return false;
    const full = posix.join(directory, path);
    if (((await lstat(full)).mode & 0o777) !== (wanted.mode & 0o777)) return false;
    if (!wanted.data.equals(await readFile(full))) return false;
  }
  return true;
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => posix.relative(directory, posix.join(entry.parentPath, entry.name)));
}

async function writeAll(directory: string, payload: Payload, gid: number | undefined): Promise<void> {
  await mkdir(directory, { mode: 0o755 });
  for (const [path, { data, mode }] of payload) {
    const full = posix.join(directory, path);
    await mkdir(posix.dirname(full), { recursive: true, mode: 0o755 });
    await writeFile(full, data, { mode: 0o600 });
    if (gid !== undefined) await lchown(full, 0, gid);
    await chmod(full, gid === undefined ? mode : mode | 0o040);
  }
}

/** Links of the first path components into `..data`; those of files that are gone are removed. */
async function linkTops(directory: string, payload: Payload): Promise<void> {
  const wanted = new Set([...payload.keys()].map((path) => path.split('/')[0]!));
  for (const name of await readdir(directory)) {
    if (name.startsWith('..')) continue;
    if (wanted.delete(name)) continue;
    await rm(posix.join(directory, name), { recursive: true, force: true });
  }
  for (const name of wanted) await symlink(posix.join(DATA_LINK, name), posix.join(directory, name));
}
