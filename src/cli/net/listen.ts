import { chmodSync, rmSync } from 'node:fs';
import type { ListenOptions, Server } from 'node:net';

/** Listens and resolves, or rejects with the bind error. */
export function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Listens on a unix socket that only this user may connect to; a stale file at the path is replaced. */
export async function listenUnix(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  const old = process.umask(0o177);
  try {
    await listen(server, { path });
  } finally {
    process.umask(old);
  }
  chmodSync(path, 0o600);
}
