/** What one try of a probe found. `unknown` (the probe itself could not run) changes nothing, as upstream. */
export interface ProbeResult {
  outcome: 'success' | 'failure' | 'unknown';
  message: string;
}

export const success = (message = ''): ProbeResult => ({ outcome: 'success', message });
export const failure = (message: string): ProbeResult => ({ outcome: 'failure', message });

/** A connection error in the words of Go's net package. */
export function dialError(error: unknown, host: string, port: number): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const why: Record<string, string> = {
    ECONNREFUSED: 'connect: connection refused',
    EHOSTUNREACH: 'connect: no route to host',
    ENETUNREACH: 'connect: network is unreachable',
    ETIMEDOUT: 'i/o timeout',
  };
  return `dial tcp ${address}: ${why[code ?? ''] ?? message}`;
}
