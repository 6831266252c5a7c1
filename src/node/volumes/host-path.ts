import { closeSync, lstatSync, mkdirSync, openSync, type Stats, statSync } from 'node:fs';
import { posix } from 'node:path';
import { ConfigError } from '../env/fields.js';

const CHECKS: Record<string, [test: (stats: Stats) => boolean, what: string]> = {
  Directory: [(s) => s.isDirectory(), 'a directory'],
  DirectoryOrCreate: [(s) => s.isDirectory(), 'a directory'],
  File: [(s) => s.isFile(), 'a file'],
  FileOrCreate: [(s) => s.isFile(), 'a file'],
  Socket: [(s) => s.isSocket(), 'a socket file'],
  CharDevice: [(s) => s.isCharacterDevice(), 'a character device'],
  BlockDevice: [(s) => s.isBlockDevice(), 'a block device'],
};

/** Checks (and for the OrCreate types makes) a hostPath; throws ConfigError as `hostPath type check failed`. */
export function prepareHostPath(path: string, type = ''): string {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined && (type === '' || type === 'DirectoryOrCreate')) {
    mkdirSync(path, { recursive: true, mode: 0o755 });
  } else if (found === undefined && type === 'FileOrCreate') {
    mkdirSync(posix.dirname(path), { recursive: true, mode: 0o755 });
    closeSync(openSync(path, 'a', 0o644));
  }
  const check = CHECKS[type];
  if (type === '') return path;
  if (check === undefined) throw new ConfigError(`hostPath type ${type} is not supported`);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !check[0](stats))
    throw new ConfigError(`hostPath type check failed: ${path} is not ${check[1]}`);
  return path;
}
