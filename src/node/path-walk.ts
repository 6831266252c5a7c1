import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { posix } from 'node:path';

/** Where a container path leads: the part that exists and the components that do not. */
export interface Walked {
  /** Container path without symbolic links, up to the last component that exists. */
  existing: string;
  missing: string[];
  /** What the existing part is. */
  stats: Stats;
}

/** A path that cannot be walked (loop, file used as a directory). */
export class PathError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PathError';
  }
}

const MAX_LINKS = 40;

/**
 * Walks a container path over the node's files as the container will see them: `toHost` says which node path
 * stands behind a container path (volumes mounted so far hide what is below them). Links are resolved against
 * the container's root, so that none leads out of a volume.
 */
export function walk(path: string, toHost: (containerPath: string) => string): Walked {
  let pending = posix.normalize(path).split('/').filter(Boolean);
  let at = '/';
  let links = 0;
  let stats = lstatSync(toHost('/'));
  while (pending.length > 0) {
    const [name, ...rest] = pending as [string, ...string[]];
    if (name === '..') {
      at = posix.dirname(at);
      pending = rest;
      continue;
    }
    const next = posix.join(at, name);
    const found = lstatSync(toHost(next), { throwIfNoEntry: false });
    if (found === undefined) return { existing: at, missing: pending, stats: lstatSync(toHost(at)) };
    if (found.isSymbolicLink()) {
      if (++links > MAX_LINKS) throw new PathError(`${path}: too many levels of symbolic links`);
      const target = readlinkSync(toHost(next));
      if (target.startsWith('/')) at = '/';
      pending = [...target.split('/').filter((part) => part !== '' && part !== '.'), ...rest];
      continue;
    }
    if (rest.length > 0 && !found.isDirectory()) throw new PathError(`${path}: ${next} is not a directory`);
    at = next;
    stats = found;
    pending = rest;
  }
  if (at === '/') stats = lstatSync(toHost('/'));
  return { existing: at, missing: [], stats };
}
