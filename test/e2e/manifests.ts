/** Manifests of the end-to-end tests: small programs that need nothing but the host's own node and sh. */

interface Container {
  name?: string;
  [field: string]: unknown;
}

/** A Pod with one container that runs a shell script. */
export function pod(
  name: string,
  script: string,
  {
    labels = { app: name },
    container = {},
    spec = {},
  }: {
    labels?: Record<string, string>;
    container?: Container;
    spec?: Record<string, unknown>;
  } = {},
): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [shell('main', script, container)],
      ...spec,
    },
  };
}

export function shell(name: string, script: string, more: Container = {}): Container {
  return { name, image: 'host', command: ['sh', '-c', script], ...more };
}

/** Ends at once on SIGTERM, unlike a plain `sleep` under PID 1. */
export const IDLE = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done';

/** Answers every HTTP request with its host name and the caller's address. */
export function httpServer(port = 8080): Container {
  return {
    name: 'main',
    image: 'host',
    command: [
      'node',
      '-e',
      `const name = require('os').hostname();
       process.on('SIGTERM', () => process.exit(0));
       require('http').createServer((q, r) => r.end(name + ' ' + q.socket.remoteAddress + '\\n')).listen(${port});`,
    ],
    ports: [{ containerPort: port }],
    readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
  };
}

/** A Pod that serves HTTP, ready when it listens. */
export function webPod(
  name: string,
  labels: Record<string, string>,
  spec: Record<string, unknown> = {},
): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: { terminationGracePeriodSeconds: 1, containers: [httpServer()], ...spec },
  };
}

/** A Service for `app: NAME`, port 80 to 8080 unless the spec says otherwise. */
export function service(name: string, spec: Record<string, unknown> = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  };
}
