import { existsSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { posix } from 'node:path';
import type { Programs, SpawnedProgram } from '#host';
import { readLine } from './handshake.js';
import type { Tools } from './tools.js';

/**
 * Dials a pod's loopback on the agent's behalf. A process cannot move one of its sockets into another network
 * namespace, so a small relay runs inside the pod's: it listens on a socket file (files cross network
 * namespaces), reads `<port>\n`, dials 127.0.0.1 and then ::1, answers `ok\n` or `error <text>\n`, and copies.
 * It is started at the first port-forward to a pod and ends by itself when it has been idle.
 */
const RELAY = `
const net = require('net'), path = process.argv[1];
let open = 0, timer;
const idle = () => { timer = setTimeout(() => process.exit(0), ${60_000}); };
const dial = (port, hosts, done) => {
  const s = net.connect({ port, host: hosts[0], allowHalfOpen: true });
  const failed = (e) => hosts.length > 1 ? dial(port, hosts.slice(1), done) : done(e);
  s.once('error', failed);
  s.once('connect', () => { s.off('error', failed); done(null, s); });
};
net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (c) => {
  open++; clearTimeout(timer);
  c.on('error', () => {}); c.on('close', () => { if (--open === 0) idle(); });
  let head = '';
  c.on('readable', function read() {
    for (let b; (b = c.read(1)) !== null;) {
      if (b[0] !== 10) { head += b.toString('latin1'); if (head.length > 8) c.destroy(); continue; }
      c.off('readable', read);
      dial(Number(head), ['127.0.0.1', '::1'], (e, s) => {
        if (e) return c.end('error ' + e.message + '\\n');
        s.on('error', () => c.destroy()); c.on('error', () => s.destroy());
        c.on('close', () => s.destroy());
        c.write('ok\\n'); c.pipe(s); s.pipe(c);
      });
      return;
    }
  });
}).listen(path, () => { console.log('listening'); idle(); });
`;

/** Nobody listens on the port inside the pod. */
export class PodDialError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PodDialError';
  }
}

/** The relay of one pod. */
export class PodRelay {
  readonly #programs: Programs;
  readonly #tools: Tools;
  readonly #path: string;
  readonly #sandboxPid: number;
  #running: Promise<SpawnedProgram> | undefined;

  constructor(options: { programs: Programs; tools: Tools; podDirectory: string; sandboxPid: number }) {
    this.#programs = options.programs;
    this.#tools = options.tools;
    this.#path = posix.join(options.podDirectory, 'relay.sock');
    this.#sandboxPid = options.sandboxPid;
  }

  async dial(port: number): Promise<Socket> {
    await this.#ensure();
    try {
      return await connectThrough(this.#path, port);
    } catch (error) {
      if (error instanceof PodDialError) throw error;
      // The relay ended while idle, just before our connection.
      this.#running = undefined;
      await this.#ensure();
      return connectThrough(this.#path, port);
    }
  }

  stop(): void {
    void this.#running?.then(
      (program) => program.kill('SIGKILL'),
      () => {},
    );
    this.#running = undefined;
  }

  async #ensure(): Promise<void> {
    this.#running ??= this.#start();
    try {
      await this.#running;
    } catch (error) {
      this.#running = undefined;
      throw error;
    }
  }

  async #start(): Promise<SpawnedProgram> {
    if (existsSync(this.#path)) rmSync(this.#path);
    const program = await this.#programs.spawn(
      this.#tools.nsenter,
      [
        `--target=${this.#sandboxPid}`,
        '--net',
        '--',
        process.execPath,
        '--max-old-space-size=32',
        '-e',
        RELAY,
        this.#path,
      ],
      { env: { PATH: '/usr/bin:/bin' }, cwd: '/', stdout: 'pipe', stderr: 'null', session: true },
    );
    void program.exited.then(() => {
      this.#running = undefined;
    });
    if ((await readLine(program.stdout!)) === undefined)
      throw new Error('the port-forward relay did not start');
    program.stdout!.resume();
    return program;
  }
}

async function connectThrough(path: string, port: number): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.write(`${port}\n`);
  const answer = await readLine(socket);
  if (answer === 'ok') return socket;
  socket.destroy();
  throw new PodDialError(answer?.replace(/^error /, '') ?? 'the port-forward relay ended');
}
