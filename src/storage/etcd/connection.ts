import { readFileSync } from 'node:fs';
import {
  type ClientDuplexStream,
  type ClientUnaryCall,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { backoffDelay, type Logger, sleep } from '#base';
import { StoreError } from '../errors.js';
import { descriptor } from './descriptor.js';
import type { WatchRequest, WatchResponse } from './messages.js';
import type { EtcdStoreOptions } from './options.js';

const DEADLINE_MS = 10_000;
const READ_ATTEMPTS = 4;
const BACKOFF = { initialMs: 50, maxMs: 2_000 };

const CHANNEL_OPTIONS = {
  // etcd bounds what it sends by the page size that the store asks for.
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': 8 * 1024 * 1024,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 5_000,
};

type ServiceName = 'KV' | 'Watch' | 'Lease' | 'Maintenance';
type Unary = (
  request: object,
  options: { deadline: number },
  callback: (error: ServiceError | null, response: unknown) => void,
) => ClientUnaryCall;
type StubMethods = Record<string, Unary> & { close(): void };
export type WatchStream = ClientDuplexStream<WatchRequest, WatchResponse>;

interface Endpoint {
  address: string;
  stubs: Record<ServiceName, StubMethods>;
}

export interface CallOptions {
  /** The call changes nothing, so it may be tried again whatever happened to the first try. */
  read: boolean;
  /** Ask this endpoint only. */
  endpoint?: number;
}

function loadServices(): Record<ServiceName, ServiceClientConstructor> {
  const definition = fromJSON(descriptor as Parameters<typeof fromJSON>[0], {
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const loaded = loadPackageDefinition(definition)['etcdserverpb'] as GrpcObject;
  return loaded as unknown as Record<ServiceName, ServiceClientConstructor>;
}

function parseEndpoint(endpoint: string): { address: string; secure: boolean } {
  const match = /^(?:(https?):\/\/)?([^/]+)\/?$/.exec(endpoint);
  if (match === null) throw new RangeError(`bad etcd endpoint ${JSON.stringify(endpoint)}`);
  const address = match[2]!;
  return { address: /:\d+$/.test(address) ? address : `${address}:2379`, secure: match[1] === 'https' };
}

/** Calls on whichever endpoint answers: one that fails makes way for the next. */
export class Connection {
  readonly #endpoints: Endpoint[];
  readonly #logger: Logger;
  readonly #closed = new AbortController();
  #current = 0;

  constructor(options: EtcdStoreOptions) {
    if (options.endpoints.length === 0) throw new RangeError('no etcd endpoint given');
    this.#logger = options.logger;
    const services = loadServices();
    this.#endpoints = options.endpoints.map((endpoint) => {
      const { address, secure } = parseEndpoint(endpoint);
      const channel = secure ? secureCredentials(options.tls) : credentials.createInsecure();
      const stub = (name: ServiceName) =>
        new services[name](address, channel, CHANNEL_OPTIONS) as unknown as StubMethods;
      return {
        address,
        stubs: {
          KV: stub('KV'),
          Watch: stub('Watch'),
          Lease: stub('Lease'),
          Maintenance: stub('Maintenance'),
        },
      };
    });
  }

  get endpointCount(): number {
    return this.#endpoints.length;
  }

  /** One call. Failures come out as StoreErrors, except that gRPC's own error is kept as the cause. */
  async call<T>(service: ServiceName, method: string, request: object, options: CallOptions): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const index = options.endpoint ?? this.#current;
      try {
        return (await this.#once(index, service, method, request)) as T;
      } catch (error) {
        const again = isUnavailable(error) && (options.read || neverSent(error as ServiceError));
        if (options.endpoint !== undefined || !again || attempt >= READ_ATTEMPTS * this.endpointCount) {
          throw toStoreError(error);
        }
        this.rotate(index);
        if (this.#closed.signal.aborted) throw new StoreError('Closed', 'the store is closed');
        await sleep(backoffDelay(BACKOFF, Math.floor(attempt / this.endpointCount)), this.#closed.signal);
      }
    }
  }

  #once(index: number, service: ServiceName, method: string, request: object): Promise<unknown> {
    const stub = this.#endpoints[index]!.stubs[service];
    return new Promise((resolve, reject) => {
      stub[method]!(request, { deadline: Date.now() + DEADLINE_MS }, (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
  }

  /** A new watch stream to the current endpoint, and that endpoint's index for `rotate`. */
  openWatch(): { stream: WatchStream; index: number } {
    const index = this.#current;
    const stub = this.#endpoints[index]!.stubs.Watch as unknown as { Watch(): WatchStream };
    return { stream: stub.Watch(), index };
  }

  /** Moves on from a failing endpoint, unless someone else already has. */
  rotate(failed: number): void {
    if (this.#current !== failed || this.endpointCount === 1) return;
    this.#current = (failed + 1) % this.endpointCount;
    const { address } = this.#endpoints[this.#current]!;
    this.#logger.warn('etcd endpoint failed, trying the next', { endpoint: address });
  }

  close(): void {
    this.#closed.abort();
    for (const { stubs } of this.#endpoints) for (const stub of Object.values(stubs)) stub.close();
  }
}

function secureCredentials(tls: EtcdStoreOptions['tls'] = {}) {
  const read = (file: string | undefined) => (file === undefined ? null : readFileSync(file));
  return credentials.createSsl(read(tls.caFile), read(tls.keyFile), read(tls.certFile));
}

function isUnavailable(error: unknown): boolean {
  return (error as ServiceError).code === status.UNAVAILABLE;
}

/** The request cannot have reached a server, so that even a write may be tried elsewhere. */
function neverSent(error: ServiceError): boolean {
  return /No connection established|ECONNREFUSED|Name resolution failed/.test(error.message);
}

/** Whether etcd refused a revision, and why; the caller finds out the revision to report. */
export function revisionRefusal(error: unknown): 'compacted' | 'future' | undefined {
  const cause = error instanceof StoreError ? error.cause : error;
  const { code, message } = cause as ServiceError;
  if (code !== status.OUT_OF_RANGE) return undefined;
  if (message.includes('has been compacted')) return 'compacted';
  return message.includes('future revision') ? 'future' : undefined;
}

/** etcd's refusals in the contract's terms (etcd: api/v3rpc/rpctypes/error.go). */
function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const { code, message } = error as ServiceError;
  const options = { cause: error };
  if (code === status.RESOURCE_EXHAUSTED && message.includes('database space exceeded')) {
    return new StoreError('NoSpace', 'etcd: database space exceeded', options);
  }
  if (message?.includes('request is too large') || message?.includes('larger than max')) {
    return new StoreError('TooLarge', message, options);
  }
  if (code === status.DATA_LOSS) return new StoreError('Corrupt', message, options);
  return new StoreError('Unavailable', `etcd: ${message}`, options);
}
