import { connect } from 'node:net';
import { type Startable, sleep } from '#base';

const POLL_MS = 10;
const PATIENCE_MS = 60_000;

/** Starts when something listens on a unix socket; rejects after a minute. A socket file that nobody serves does not count. */
export function waitForSocket(path: string): Startable {
  const abort = new AbortController();
  return {
    async start() {
      for (
        const deadline = Date.now() + PATIENCE_MS;
        !abort.signal.aborted;
        await sleep(POLL_MS, abort.signal)
      ) {
        if (await answers(path)) return;
        if (Date.now() > deadline) throw new Error(`nothing listens on ${path}`);
      }
    },
    async stop() {
      abort.abort();
    },
  };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
