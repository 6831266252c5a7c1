import { EventEmitter, on } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { core, discovery, KubeObject } from '#api';

export interface Size {
  services: number;
  endpoints: number;
}

/** An address as its first octets and a number. */
export function address(a: number, b: number, n: number): string {
  return `${a}.${b + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
}

/**
 * An API server whose objects exist only while they are sent: lists, watch-lists and watches of namespaces, Services and
 * EndpointSlices over HTTP, for any client. Every tenth Service is headless.
 */
export class GeneratedApi {
  readonly #size: Size;
  readonly #events = new EventEmitter().setMaxListeners(0);
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #revision = 2_000_000;

  constructor(size: Size) {
    this.#size = size;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Changes a Service. */
  put(service: core.Service): void {
    const metadata = { ...service.metadata, resourceVersion: String(++this.#revision) };
    this.#events.emit('services', { type: 'MODIFIED', object: { ...service, metadata } });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const resource = url.pathname.split('/').at(-1) ?? '';
    if (!['namespaces', 'services', 'endpointslices'].includes(resource)) {
      response.writeHead(404, { 'content-type': 'application/json' });
      return void response.end(
        '{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}',
      );
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    if (url.searchParams.get('watch') !== 'true') return this.#list(resource, response);
    response.flushHeaders();
    const abort = new AbortController();
    response.once('close', () => abort.abort());
    const live = on(this.#events, resource, { signal: abort.signal });
    if (url.searchParams.get('sendInitialEvents') === 'true') {
      for (const object of this.#all(resource)) await write(response, { type: 'ADDED', object });
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      const metadata = { resourceVersion: String(this.#revision), annotations };
      await write(response, { type: 'BOOKMARK', object: { ...typeOf(resource), metadata } });
    }
    try {
      for await (const [event] of live) await write(response, event);
    } catch (error) {
      if ((error as Error).name !== 'AbortError') throw error;
    }
  }

  async #list(resource: string, response: ServerResponse): Promise<void> {
    const { apiVersion, kind } = typeOf(resource);
    response.write(
      `{"kind":"${kind}List","apiVersion":"${apiVersion}","metadata":{"resourceVersion":"${this.#revision}"},"items":[`,
    );
    let first = true;
    for (const object of this.#all(resource)) {
      if (!response.write((first ? '' : ',') + JSON.stringify(object)))
        await new Promise((resolve) => response.once('drain', resolve));
      first = false;
    }
    response.end(']}');
  }

  /** As the API sends them, with what nobody here reads. */
  *#all(resource: string): Generator<KubeObject> {
    const type = typeOf(resource);
    if (resource === 'namespaces') yield { ...type, metadata: { name: 'default', resourceVersion: '1' } };
    for (let i = 0; i < this.#size.services; i++) {
      if (resource === 'services') yield { ...type, ...serviceAt(i) };
      if (resource === 'endpointslices') yield { ...type, ...sliceAt(i, this.#size.endpoints) };
    }
  }
}

function typeOf(resource: string): { apiVersion: string; kind: string } {
  if (resource === 'endpointslices') return { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' };
  return { apiVersion: 'v1', kind: resource === 'services' ? 'Service' : 'Namespace' };
}

async function write(response: ServerResponse, event: unknown): Promise<void> {
  if (response.write(`${JSON.stringify(event)}\n`) || response.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

function metadataOf(name: string, labels: Record<string, string>) {
  const managedFields = [
    { manager: 'bench', operation: 'Update', fieldsV1: { 'f:spec': { 'f:ports': {} } } },
  ];
  const uid = `00000000-0000-0000-0000-${name}`;
  return { name, namespace: 'default', uid, resourceVersion: '1', labels, managedFields };
}

function serviceAt(i: number): core.Service {
  const ip = i % 10 === 9 ? 'None' : address(10, 96, i);
  const spec = {
    type: 'ClusterIP',
    clusterIP: ip,
    clusterIPs: [ip],
    ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
    selector: { app: `svc-${i}` },
  };
  return { metadata: metadataOf(`svc-${i}`, { app: `svc-${i}` }), spec };
}

function sliceAt(i: number, endpoints: number): discovery.EndpointSlice {
  return {
    metadata: metadataOf(`svc-${i}-a`, { 'kubernetes.io/service-name': `svc-${i}` }),
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: endpoints }, (_, e) => ({
      addresses: [address(10, 128, i * endpoints + e)],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${e}`,
      targetRef: {
        kind: 'Pod',
        namespace: 'default',
        name: `svc-${i}-7d4b9c6f5-${e}abcd`,
        uid: `${i}-${e}`,
      },
    })),
  };
}
