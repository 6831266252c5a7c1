import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ContainerUnit } from '../pods/container-unit.js';
import type { ExecSession, PodRuntime } from '../runtime.js';
import { errorStatus, exitStatus, type RemoteChannels, type StreamOptions } from './remote-channels.js';

/** Copies until the source ends; a client that went away is not an error here. */
async function copy(from: Readable, to: Writable | undefined): Promise<void> {
  if (to === undefined) {
    from.resume();
    return;
  }
  // The channel stays open: the status still has to be sent on its connection.
  await pipeline(from, to, { end: false }).catch(() => from.resume());
}

/** Runs a command in a container and connects it to the client; answers with its exit code. */
export async function serveExec(
  unit: ContainerUnit,
  command: string[],
  options: StreamOptions,
  channels: RemoteChannels,
  runtime: PodRuntime,
): Promise<void> {
  const { container } = unit;
  if (container === undefined) return channels.finish(errorStatus(`container not found ("${unit.name}")`));
  let session: ExecSession;
  try {
    session = await runtime.exec(container, { command, tty: options.tty, stdin: options.stdin });
  } catch (error) {
    return channels.finish(errorStatus((error as Error).message));
  }
  channels.onResize(({ columns, rows }) => void session.resize(columns, rows).catch(() => {}));
  if (channels.stdin !== undefined && session.stdin !== undefined)
    feed(channels.stdin, session.stdin, options.tty);
  let hasEnded = false;
  void channels.gone.then(() => {
    if (!hasEnded) session.kill();
  });
  const output = Promise.all([copy(session.stdout, channels.stdout), copy(session.stderr, channels.stderr)]);
  const { exitCode } = await session.exited;
  hasEnded = true;
  await output;
  await channels.finish(exitStatus(exitCode));
}

/**
 * The client's input goes to the program; a program that has ended does not read any more. A terminal stays open
 * when the client's input ends, as with containerd.
 */
function feed(from: Readable, to: Writable, tty: boolean): void {
  from.on('error', () => to.end());
  to.on('error', () => from.resume());
  from.pipe(to, { end: !tty });
}

/** Connects the client to a container's own streams, until the container or the client ends. */
export async function serveAttach(unit: ContainerUnit, channels: RemoteChannels): Promise<void> {
  const { container, hub } = unit;
  if (container === undefined || hub === undefined)
    return channels.finish(errorStatus(`container not found ("${unit.name}")`));
  channels.onResize(({ columns, rows }) => void container.resize(columns, rows).catch(() => {}));
  const off = hub.listen((stream, chunk) => {
    const target = stream === 'stdout' ? channels.stdout : channels.stderr;
    target?.write(chunk);
  });
  if (channels.stdin !== undefined && container.stdin !== undefined)
    attachInput(unit, channels.stdin, container.stdin);
  const how = await Promise.race([container.exited, channels.gone.then(() => undefined)]);
  if (how !== undefined) await hub.ended;
  off();
  if (how !== undefined) await channels.finish(exitStatus(how.exitCode));
}

function attachInput(unit: ContainerUnit, from: Readable, to: Writable): void {
  from.on('data', (chunk: Buffer) => {
    if (!to.write(chunk)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  });
  from.on('error', () => {});
  // Only a container that asked for it sees the end of its first client's input.
  from.once('end', () => {
    if (unit.spec.stdinOnce === true) to.end();
  });
}
