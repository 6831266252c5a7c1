import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { posix } from 'node:path';
import { PathError, type Walked, walk } from '../path-walk.js';
import type { Mount } from '../runtime.js';

/** The mounts that turn a private copy of the node's mount table into a container's. */
export interface MountPlan {
  /** Lines of fstab(5), in order. */
  lines: string[];
  /** The container's root must be moved here; undefined keeps the node's root. */
  newRoot: string | undefined;
  /** Whether the container sees the node's own directory at this path, and not something mounted above it. */
  shows(path: string): boolean;
}

/** A directory rebuilt in memory: empty places for its entries, so that new names can be added to it. */
interface Mirror {
  /** Container path of the directory. */
  directory: string;
  skeleton: string;
}

const MAX_MIRROR_ENTRIES = 4096;

/** Escapes a path for fstab(5). */
export function fstabPath(path: string): string {
  return path.replace(/[ \t\n\r\\#]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

function bindLine(source: string, target: string, options = 'rbind'): string {
  return `${fstabPath(source)} ${fstabPath(target)} none ${options} 0 0`;
}

const depth = (path: string): number => path.split('/').filter(Boolean).length;
const inside = (path: string, directory: string): boolean =>
  directory === '/' || path === directory || path.startsWith(`${directory}/`);

/**
 * Plans a container's mounts without creating anything on the node: where a mount point does not exist, its
 * nearest existing parent is mirrored (a skeleton in `scratch`, every entry bound in its place), and the mount
 * point is created in the mirror. A mount point inside a volume is created in the volume, as runc does.
 *
 * `scratch` is an empty directory in memory that lives as long as the container. `readOnlyRoot` mirrors the root
 * with everything in it read-only, except for the mounts themselves. Throws PathError.
 */
export function planMounts(mounts: Mount[], scratch: string, readOnlyRoot = false): MountPlan {
  return new Planner(scratch, readOnlyRoot).plan(mounts);
}

class Planner {
  readonly #scratch: string;
  readonly #placed: { target: string; mount: Mount }[] = [];
  readonly #mirrors: Mirror[] = [];
  readonly #readOnly: boolean;
  constructor(scratch: string, readOnly: boolean) {
    this.#scratch = scratch;
    this.#readOnly = readOnly;
  }

  plan(mounts: Mount[]): MountPlan {
    const ordered = mounts
      .map((mount) => ({ ...mount, target: posix.resolve('/', mount.target) }))
      .sort((a, b) => depth(a.target) - depth(b.target));
    if (this.#readOnly) this.#mirror('/');
    for (const mount of ordered) this.#place(mount);
    return this.#render();
  }

  /** The node path behind a container path, seen through the mounts placed so far. */
  #toHost = (path: string): string => {
    let best: { target: string; mount: Mount } | undefined;
    for (const placed of this.#placed)
      if (inside(path, placed.target) && placed.target.length >= (best?.target.length ?? 0)) best = placed;
    return best === undefined ? path : posix.join(best.mount.source, path.slice(best.target.length));
  };

  #place(mount: Mount): void {
    if (mount.target === '/') throw new PathError('mount path "/" is not possible');
    const isDirectory = lstatSync(this.#realSource(mount.source)).isDirectory();
    const walked = walk(mount.target, this.#toHost);
    if (walked.missing.length === 0) {
      if (walked.stats.isDirectory() !== isDirectory)
        throw new PathError(`${mount.target}: cannot mount a ${isDirectory ? 'directory' : 'file'} over it`);
      this.#placed.push({ target: walked.existing, mount });
      return;
    }
    this.#placed.push({ target: this.#create(walked, isDirectory), mount });
  }

  #realSource(source: string): string {
    const stats = lstatSync(source);
    return stats.isSymbolicLink() ? posix.resolve(posix.dirname(source), readlinkSync(source)) : source;
  }

  /** Creates the missing components in a volume or in a mirror; returns the container path. */
  #create(walked: Walked, isDirectory: boolean): string {
    if (!walked.stats.isDirectory()) throw new PathError(`${walked.existing} is not a directory`);
    const target = posix.join(walked.existing, ...walked.missing);
    const inVolume = this.#placed.some((placed) => inside(walked.existing, placed.target));
    const base = inVolume ? this.#toHost(walked.existing) : this.#mirror(walked.existing).skeleton;
    const path = posix.join(base, ...walked.missing);
    mkdirSync(isDirectory ? path : posix.dirname(path), { recursive: true, mode: 0o755 });
    if (!isDirectory) closeSync(openSync(path, 'a', 0o644));
    return target;
  }

  #mirror(directory: string): Mirror {
    const have = this.#mirrors.find((mirror) => mirror.directory === directory);
    if (have !== undefined) return have;
    const skeleton = posix.join(this.#scratch, `mirror-${this.#mirrors.length}`);
    mkdirSync(skeleton, { mode: 0o755 });
    const mirror = { directory, skeleton };
    fillSkeleton(mirror);
    this.#mirrors.push(mirror);
    return mirror;
  }

  #render(): MountPlan {
    const root = this.#mirrors.find((mirror) => mirror.directory === '/')?.skeleton;
    const at = (path: string) => (root === undefined ? path : posix.join(root, path));
    const lines: string[] = [];
    const options = this.#readOnly ? 'rbind,ro' : 'rbind';
    if (root !== undefined) lines.push(bindLine(root, root, options));
    for (const mirror of this.#mirrors.sort((a, b) => depth(a.directory) - depth(b.directory))) {
      lines.push(...entryLines(mirror, this.#readOnly));
      if (mirror.directory !== '/') lines.push(bindLine(mirror.skeleton, at(mirror.directory), options));
    }
    for (const { target, mount } of this.#placed)
      lines.push(bindLine(mount.source, at(target), mount.readOnly ? 'rbind,ro' : 'rbind'));
    const targets = this.#placed.map(({ target }) => target);
    return { lines, newRoot: root, shows: (path) => !targets.some((target) => inside(path, target)) };
  }
}

/** Makes the places onto which the entries are bound; links are copied. */
function fillSkeleton({ directory, skeleton }: Mirror): void {
  const entries = readdirSync(directory, { withFileTypes: true });
  if (entries.length > MAX_MIRROR_ENTRIES)
    throw new PathError(
      `${directory} has ${entries.length} entries: mount below a smaller directory, or create the mount path on the node`,
    );
  for (const entry of entries) {
    const place = posix.join(skeleton, entry.name);
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(posix.join(directory, entry.name)), place);
    else if (entry.isDirectory()) mkdirSync(place);
    else closeSync(openSync(place, 'a', 0o644));
  }
  chmodSync(skeleton, lstatSync(directory).mode & 0o7777);
}

/** Kernel file systems keep their own rules. */
const ALWAYS_WRITABLE = ['/proc', '/sys', '/dev'];

/** `nofail`: an entry may be gone by the time that the container starts. */
function entryOptions(path: string, isDirectory: boolean, readOnly: boolean): string {
  const bind = isDirectory ? 'rbind' : 'bind';
  return readOnly && !ALWAYS_WRITABLE.includes(path) ? `${bind},ro,nofail` : `${bind},nofail`;
}

function entryLines({ directory, skeleton }: Mirror, readOnly: boolean): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => !entry.isSymbolicLink())
    .filter((entry) => lstatSync(posix.join(skeleton, entry.name), { throwIfNoEntry: false }) !== undefined)
    .map((entry) => {
      const path = posix.join(directory, entry.name);
      const options = entryOptions(path, entry.isDirectory(), readOnly);
      return bindLine(path, posix.join(skeleton, entry.name), options);
    });
}
