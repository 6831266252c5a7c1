import { chmodSync, closeSync, mkdirSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import type { Programs, SpawnedProgram } from '#host';
import { PathError } from '../path-walk.js';
import { type ContainerConfig, ContainerStartError, type SandboxConfig } from '../runtime.js';
import { startedInTime } from './children.js';
import { containerCommand, DEVICE_LINKS, DEVICE_PLACES, renderMounts } from './container-command.js';
import { collectText, readHandshake, readLine } from './handshake.js';
import { ensurePipes, openPipeReader } from './pipes.js';
import { ProcessContainer } from './process-container.js';
import { findExecutable, isMapped, type Tools } from './tools.js';

export interface StartContext {
  programs: Programs;
  tools: Tools;
  sandbox: { pid: number; config: SandboxConfig };
  /** The pod's directory in memory. */
  podDirectory: string;
  hidden: string[];
  sysfs: boolean;
  id: string;
}

/** Opens the output pipes before anything that may complain. */
const REDIRECT = 'exec > "$1" 2> "$2"; shift 2; exec "$@"';

/** Files of one container that live as long as it. */
interface Prepared {
  scratch: string;
  fstabFile: string;
  newRoot: string;
}

/** Paths of a container's output pipes; the same for every attempt. */
export function pipePaths(podDirectory: string, container: string): [stdout: string, stderr: string] {
  return [posix.join(podDirectory, `${container}.out`), posix.join(podDirectory, `${container}.err`)];
}

/** Starts a container in its sandbox. Rejects with ContainerStartError; then nothing is left running. */
export async function startContainer(
  config: ContainerConfig,
  context: StartContext,
): Promise<ProcessContainer> {
  checkRunnable(config, context.tools);
  const prepared = prepare(config, context);
  try {
    return await launch(config, context, prepared);
  } catch (error) {
    rmSync(prepared.scratch, { recursive: true, force: true });
    throw error;
  }
}

function checkRunnable(config: ContainerConfig, tools: Tools): void {
  const [program] = config.command;
  if (config.tty && (tools.script === undefined || tools.tty === undefined))
    throw new ContainerStartError(
      'CreateContainerError',
      'a terminal needs script(1): install the package bsdutils',
    );
  for (const [id, file] of [
    [config.security.user.uid, 'uid_map'],
    [config.security.user.gid, 'gid_map'],
  ] as const)
    if (id !== undefined && !isMapped(id, file))
      throw new ContainerStartError(
        'CreateContainerConfigError',
        `id ${id} does not exist in the node's user namespace; run the cluster as root to use runAsUser and runAsGroup`,
      );
  const mounted = config.mounts.some((mount) => program!.startsWith(`${mount.target}/`));
  if (!mounted && findExecutable(program!, config.env['PATH'] ?? '', config.workingDir) === undefined) {
    const why = program!.includes('/')
      ? `stat ${program}: no such file or directory`
      : 'executable file not found in $PATH';
    throw new ContainerStartError(
      'StartError',
      `failed to create containerd task: failed to create shim task: OCI runtime create failed: unable to start container process: exec: ${JSON.stringify(program)}: ${why}: unknown`,
    );
  }
}

function prepare(config: ContainerConfig, context: StartContext): Prepared {
  const scratch = posix.join(context.podDirectory, `${config.name}-${config.attempt}`);
  const fstabFile = posix.join(scratch, 'fstab');
  rmSync(scratch, { recursive: true, force: true });
  try {
    makeDevices(posix.join(scratch, 'dev'));
    const sharedMemory = posix.join(context.podDirectory, 'shm');
    mkdirSync(sharedMemory, { recursive: true });
    chmodSync(sharedMemory, 0o1777);
    const { fstab, newRoot } = renderMounts(config, context.sandbox.config, {
      scratch,
      sharedMemory,
      hidden: context.hidden,
      sysfs: context.sysfs,
    });
    writeFileSync(fstabFile, fstab, { mode: 0o600 });
    return { scratch, fstabFile, newRoot };
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    if (error instanceof PathError || isFileError(error))
      throw new ContainerStartError('CreateContainerError', `cannot prepare mounts: ${error.message}`);
    throw error;
  }
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

function makeDevices(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  for (const place of DEVICE_PLACES) {
    const path = posix.join(directory, place);
    if (place.endsWith('/')) mkdirSync(path);
    else closeSync(openSync(path, 'a', 0o644));
  }
  for (const [name, target] of DEVICE_LINKS) symlinkSync(target, posix.join(directory, name));
}

async function launch(
  config: ContainerConfig,
  context: StartContext,
  prepared: Prepared,
): Promise<ProcessContainer> {
  const { programs, tools, sandbox, podDirectory } = context;
  const paths = pipePaths(podDirectory, config.name);
  await ensurePipes(programs, paths);
  const readers = [openPipeReader(paths[0]), openPipeReader(paths[1])] as const;
  try {
    const command = containerCommand(config, sandbox, prepared, tools);
    const program = await spawnPiped(config, context, paths, command);
    void program.exited.then(() => {
      for (const reader of readers) reader.release();
    });
    const [stdout, stderr] = [readers[0].stream, readers[1].stream];
    const { pid, terminal } = await announced(config, program, stdout, stderr);
    return new ProcessContainer({
      id: context.id,
      config,
      program,
      pid,
      stdout,
      stderr,
      terminal,
      programs,
      tools,
      startedAt: Date.now(),
      onEnd: () => rmSync(prepared.scratch, { recursive: true, force: true }),
    });
  } catch (error) {
    for (const reader of readers) reader.stream.destroy();
    throw error;
  } finally {
    for (const reader of readers) reader.release();
  }
}

/** Starts the command with its output on the named pipes. */
async function spawnPiped(
  config: ContainerConfig,
  { programs, tools }: StartContext,
  [outPath, errPath]: [string, string],
  command: string[],
): Promise<SpawnedProgram> {
  // Full paths throughout: the PATH of `env` belongs to the container.
  const args = [
    '--pdeathsig',
    'KILL',
    '--',
    tools.sh,
    '-c',
    REDIRECT,
    'kubesvc',
    outPath,
    errPath,
    ...command,
  ];
  try {
    return await programs.spawn(tools.setpriv, args, {
      env: config.env,
      cwd: '/',
      stdin: config.stdin || config.tty ? 'pipe' : 'null',
      session: true,
      dieWithParent: false,
    });
  } catch (error) {
    throw new ContainerStartError('CreateContainerError', (error as Error).message);
  }
}

/** Waits until the script has become the container's program; its complaints become the error. */
async function announced(
  config: ContainerConfig,
  program: SpawnedProgram,
  stdout: Readable,
  stderr: Readable,
): Promise<{ pid: number; terminal: string | undefined }> {
  const complaints = collectText(stderr);
  const pid = await startedInTime(program, readHandshake(stdout));
  if (pid === undefined) {
    program.kill('SIGKILL');
    await program.exited;
    throw new ContainerStartError('CreateContainerError', complaints.text() || 'the container ended early');
  }
  const early = complaints.stop();
  if (early.length > 0) stderr.unshift(early);
  const terminal = config.tty ? (await readLine(stdout))?.trim() : undefined;
  return { pid, terminal };
}
