import { connect } from 'node:net';
import { dialError, failure, type ProbeResult, success } from './probe-result.js';

/** Succeeds when the connection is accepted. */
export function tcpProbe(host: string, port: number, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (result: ProbeResult) => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(result);
    };
    const onAbort = () => finish(failure(`dial tcp ${host}:${port}: i/o timeout`));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => finish(success()));
    socket.once('error', (error) => finish(failure(dialError(error, host, port))));
  });
}
