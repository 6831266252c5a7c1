import http2 from 'node:http2';
import { dialError, failure, type ProbeResult, success } from './probe-result.js';

const SERVING = 1;

/** A gRPC message frame around HealthCheckRequest{service}. */
function requestFrame(service: string): Buffer {
  const name = Buffer.from(service);
  const message =
    name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** The status field of a HealthCheckResponse frame; 0 (UNKNOWN) when it is absent. */
function servingStatus(frame: Buffer): number {
  const message = frame.subarray(5);
  return message.length >= 2 && message[0] === 0x08 ? message[1]! : 0;
}

/** grpc.health.v1.Health/Check over plain HTTP/2, as upstream's probe (pkg/probe/grpc). `service` is at most 127 bytes. */
export function grpcProbe(
  host: string,
  port: number,
  service: string,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new Promise((resolve) => {
    const session = http2.connect(`http://${address}`);
    const finish = (result: ProbeResult) => {
      signal.removeEventListener('abort', onAbort);
      session.destroy();
      resolve(result);
    };
    const onAbort = () =>
      finish(failure(`timeout: failed to connect service ${JSON.stringify(address)} within the time limit`));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    session.on('error', (error) =>
      finish(
        failure(
          `error: failed to connect service ${JSON.stringify(address)}: ${dialError(error, host, port)}`,
        ),
      ),
    );
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'kube-probe/1.36',
    });
    const chunks: Buffer[] = [];
    let grpcStatus = '';
    stream.on('response', (headers) => (grpcStatus = String(headers['grpc-status'] ?? '')));
    stream.on('trailers', (headers) => (grpcStatus = String(headers['grpc-status'] ?? grpcStatus)));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => {});
    stream.on('close', () => finish(verdict(grpcStatus, Buffer.concat(chunks))));
    stream.end(requestFrame(service));
  });
}

function verdict(grpcStatus: string, frame: Buffer): ProbeResult {
  if (grpcStatus === '12')
    return failure('error: this server does not implement the grpc health protocol (grpc.health.v1.Health)');
  if (grpcStatus !== '0' || frame.length < 5)
    return failure(`error: health rpc failed: code ${grpcStatus || 'unknown'}`);
  const status = servingStatus(frame);
  return status === SERVING
    ? success('service healthy')
    : failure(`service unhealthy (responded with "${NAMES[status] ?? status}")`);
}

const NAMES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
