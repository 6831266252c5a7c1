import { randomBytes } from 'node:crypto';
import { closeSync, constants, linkSync, openSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { StoreError } from '../errors.js';

const NAME = 'lock.sock';
const ATTEMPTS = 5;

/**
 * Keeps a directory to one process. The lock is a listening unix socket in the directory, linked to its name
 * atomically: it works across network and PID namespaces, and the kernel lets go of it however its owner dies.
 */
export class DirectoryLock {
  readonly #directory: string;
  #fd = -1;
  #server: Server | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Throws StoreError Unavailable while another owner is alive. */
  async acquire(): Promise<void> {
    this.#fd = openSync(this.#directory, constants.O_RDONLY | constants.O_DIRECTORY);
    const own = `lock.${process.pid}.${randomBytes(4).toString('hex')}`;
    try {
      this.#server = await this.#listen(this.#path(own));
      await this.#claim(own);
    } catch (error) {
      this.release();
      throw error;
    } finally {
      rmSync(`${this.#directory}/${own}`, { force: true });
    }
  }

  /** Socket addresses hold 107 bytes; through the descriptor any directory fits. */
  #path(name: string): string {
    return `/proc/self/fd/${this.#fd}/${name}`;
  }

  #listen(path: string): Promise<Server> {
    return new Promise((resolve, reject) => {
      const server = createServer((socket) => socket.destroy());
      server.once('error', reject);
      server.listen({ path }, () => {
        server.unref();
        resolve(server);
      });
    });
  }

  async #claim(own: string): Promise<void> {
    const lock = `${this.#directory}/${NAME}`;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        linkSync(`${this.#directory}/${own}`, lock);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      if (await isAlive(this.#path(NAME))) break;
      await this.#discard(`${own}.stale`);
    }
    throw new StoreError(
      'Unavailable',
      `the data directory ${this.#directory} is in use by another process; stop it or choose another --data-dir`,
    );
  }

  /** Moves a dead lock away. If it turns out to be a live one that just took its place, it is put back. */
  async #discard(aside: string): Promise<void> {
    const moved = `${this.#directory}/${aside}`;
    try {
      renameSync(`${this.#directory}/${NAME}`, moved);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    if (await isAlive(this.#path(aside))) linkSync(moved, `${this.#directory}/${NAME}`);
    rmSync(moved, { force: true });
  }

  release(): void {
    if (this.#server !== undefined) {
      rmSync(`${this.#directory}/${NAME}`, { force: true });
      this.#server.close();
      this.#server = undefined;
    }
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
