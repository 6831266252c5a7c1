// Builds the guest's root: a cpio archive (the kernel unpacks it into memory) of this machine's own programs, the
// libraries that they load, and the Debian kernel's network modules. Needs no privileges and writes one file.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

const DIRECTORY = 0o040755;
const LINK = 0o120777;
const CONSOLE = 0o020600;

/** An archive in the `newc` format that the kernel reads; parents are added by themselves. */
class Archive {
  #file;
  #seen = new Set(['/']);
  #inode = 1;

  constructor(path) {
    this.#file = openSync(path, 'w');
  }

  has(path) {
    return this.#seen.has(path);
  }

  directory(path) {
    if (this.#seen.has(path)) return;
    this.directory(dirname(path));
    this.#entry(path, DIRECTORY, Buffer.alloc(0));
  }

  add(path, mode, data, device) {
    if (this.#seen.has(path)) return;
    this.directory(dirname(path));
    this.#entry(path, mode, Buffer.from(data), device);
  }

  finish() {
    this.#entry('/TRAILER!!!', 0, Buffer.alloc(0));
    closeSync(this.#file);
  }

  #entry(path, mode, data, [major, minor] = [0, 0]) {
    this.#seen.add(path);
    const name = path.slice(1);
    const fields = [this.#inode++, mode, 0, 0, 1, 0, data.length, 0, 0, major, minor, name.length + 1, 0];
    const head = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
    writeSync(this.#file, padded(Buffer.from(head)));
    // One write may take less than all of a large file.
    const body = padded(data);
    for (let at = 0; at < body.length; ) at += writeSync(this.#file, body, at);
  }
}

function padded(data) {
  return data.length % 4 === 0 ? data : Buffer.concat([data, Buffer.alloc(4 - (data.length % 4))]);
}

/** Adds a file of this machine; for a symbolic link also what it leads to, under the names that it has here. */
function addFile(archive, name) {
  const path = join(realpathSync(dirname(name)), basename(name));
  if (archive.has(path)) return;
  const info = lstatSync(path);
  if (!info.isSymbolicLink()) {
    archive.add(path, info.mode, readFileSync(path));
    return;
  }
  const target = readlinkSync(path);
  archive.add(path, LINK, target);
  addFile(archive, resolve(dirname(path), target));
}

/** Adds a program with its interpreter and shared libraries. */
function addProgram(archive, path) {
  addFile(archive, path);
  const listed = execFileSync('ldd', [path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  for (const [, library] of listed.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)) addFile(archive, library);
}

/** Where a program stands. */
export function findProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`there is no program ${name}: make system-ipvs installs it`);
  return found;
}

/** Adds every module below kernel/net and those that they need, with the tables that modprobe reads. */
function addModules(archive, modules) {
  const dependencies = new Map(
    readFileSync(join(modules, 'modules.dep'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [path, rest] = line.split(':');
        return [path, rest.trim().split(' ').filter(Boolean)];
      }),
  );
  const wanted = /^kernel\/(net\/|drivers\/net\/(dummy|veth)\.ko)/;
  const root = `/usr/lib/modules/${basename(modules)}`;
  for (const [path, needed] of dependencies) {
    if (!wanted.test(path)) continue;
    for (const each of [path, ...needed]) {
      archive.add(join(root, each), 0o100644, readFileSync(join(modules, each)));
    }
  }
  for (const name of readdirSync(modules).filter((each) => each.startsWith('modules.'))) {
    archive.add(join(root, name), 0o100644, readFileSync(join(modules, name)));
  }
}

/**
 * Writes the archive. `programs` are absolute paths, `plugins` folders that programs load from, `files` maps paths
 * in the guest to contents.
 */
export function writeInitramfs(output, { programs, plugins, modules, files }) {
  const archive = new Archive(output);
  for (const path of ['/proc', '/sys', '/dev', '/tmp', '/run']) archive.directory(path);
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) archive.add(`/${name}`, LINK, `usr/${name}`);
  archive.add('/dev/console', CONSOLE, '', [5, 1]);
  for (const path of programs) addProgram(archive, path);
  for (const folder of plugins) {
    for (const name of readdirSync(folder)) addProgram(archive, join(folder, name));
  }
  addModules(archive, modules);
  for (const [path, { mode, data }] of Object.entries(files)) archive.add(path, mode, data);
  archive.finish();
}
