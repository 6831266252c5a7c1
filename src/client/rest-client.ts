import {
  apiVersionOf,
  type GroupVersionResource,
  type KubeList,
  type KubeObject,
  type meta,
  StatusError,
} from '#api';
import { sleep } from '#base';
import {
  type Client,
  type DeleteOptions,
  type ListOptions,
  type PatchType,
  type Resource,
  type ResourceClient,
  TransportError,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from './client.js';
import { readAll, type Transport, type TransportResponse } from './transport.js';

const PATCH_TYPES: Record<PatchType, string> = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
};
const RETRIES_AFTER_429 = 5;

export interface RestClientOptions {
  transport: Transport;
  /** Sent with every request; called each time, so that rotated tokens are picked up. */
  bearerToken?: () => string | undefined;
  userAgent?: string;
}

/** The JSON client over a transport. Retries only what the server asks to retry (429 and Retry-After). */
export function createClient(options: RestClientOptions): Client {
  return new RestClient(options);
}

class RestClient implements Client {
  readonly #options: RestClientOptions;
  constructor(options: RestClientOptions) {
    this.#options = options;
  }

  resource<T extends KubeObject>(resource: Resource<T>): ResourceClient<T> {
    return new RestResource<T>(this, resource);
  }

  async request(method: string, path: string, body?: unknown): Promise<{ status: number; body: Buffer }> {
    const response = await this.send(method, path, body);
    return { status: response.status, body: await readAll(response.body) };
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    extra: { contentType?: string; signal?: AbortSignal } = {},
  ): Promise<TransportResponse> {
    const token = this.#options.bearerToken?.();
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': this.#options.userAgent ?? 'kubesvc',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': extra.contentType ?? 'application/json' }),
    };
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return this.#options.transport.request({
      method,
      path,
      headers,
      ...(bytes === undefined ? {} : { body: bytes }),
      ...(extra.signal === undefined ? {} : { signal: extra.signal }),
    });
  }

  /** Sends, retries 429, and parses the answer or throws its Status. */
  async json<R>(
    method: string,
    path: string,
    body?: unknown,
    extra: { contentType?: string; signal?: AbortSignal } = {},
  ): Promise<R> {
    for (let attempt = 0; ; attempt++) {
      const response = await this.send(method, path, body, extra);
      const bytes = await readAll(response.body);
      if (response.status === 429 && attempt < RETRIES_AFTER_429) {
        await sleep(Math.min(Number(response.headers['retry-after'] ?? 1), 30) * 1000, extra.signal);
        continue;
      }
      if (response.status >= 400) throw statusFrom(bytes, response.status);
      return parse<R>(bytes);
    }
  }

  async serverResources(): Promise<
    (GroupVersionResource & { kind: string; namespaced: boolean; verbs: string[] })[]
  > {
    const groups = await this.json<meta.APIGroupList>('GET', '/apis');
    const versions = groups.groups.map((g) => g.preferredVersion ?? g.versions[0]!);
    const lists = await Promise.all([
      this.json<meta.APIResourceList>('GET', '/api/v1'),
      ...versions.map((v) => this.json<meta.APIResourceList>('GET', `/apis/${v.groupVersion}`)),
    ]);
    return lists.flatMap((list) =>
      list.resources.filter((r) => !r.name.includes('/')).map((r) => ofList(list.groupVersion, r)),
    );
  }

  close(): void {
    this.#options.transport.close();
  }
}

function ofList(groupVersion: string, resource: meta.APIResource) {
  const slash = groupVersion.indexOf('/');
  return {
    group: slash < 0 ? '' : groupVersion.slice(0, slash),
    version: groupVersion.slice(slash + 1),
    resource: resource.name,
    kind: resource.kind,
    namespaced: resource.namespaced,
    verbs: resource.verbs as string[],
  };
}

class RestResource<T extends KubeObject> implements ResourceClient<T> {
  readonly #client: RestClient;
  readonly #resource: Resource<T>;
  constructor(client: RestClient, resource: Resource<T>) {
    this.#client = client;
    this.#resource = resource;
  }

  #path(namespace: string | undefined, name?: string, subresource?: string, query?: URLSearchParams): string {
    const { group, version, resource, namespaced } = this.#resource;
    let path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    if (namespaced && namespace !== undefined && namespace !== '')
      path += `/namespaces/${encodeURIComponent(namespace)}`;
    path += `/${resource}`;
    if (name !== undefined) path += `/${encodeURIComponent(name)}`;
    if (subresource !== undefined) path += `/${subresource}`;
    const text = query?.toString() ?? '';
    return text === '' ? path : `${path}?${text}`;
  }

  /** Callers build objects without kind and apiVersion, too. */
  #typed<O extends KubeObject>(object: O): O {
    if (object.kind !== undefined && object.apiVersion !== undefined) return object;
    return {
      apiVersion: apiVersionOf(this.#resource.group, this.#resource.version),
      kind: this.#resource.kind,
      ...object,
    };
  }

  get(name: string, namespace?: string): Promise<T> {
    return this.#client.json('GET', this.#path(namespace, name));
  }

  async list(options: ListOptions = {}): Promise<KubeList<T>> {
    const query = new URLSearchParams();
    for (const key of [
      'labelSelector',
      'fieldSelector',
      'limit',
      'continue',
      'resourceVersion',
      'resourceVersionMatch',
    ] as const) {
      if (options[key] !== undefined) query.set(key, String(options[key]));
    }
    const path = this.#path(options.namespace, undefined, undefined, query);
    const list: KubeList<T> = await this.#client.json('GET', path, undefined, {
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    // Items come without their type; events of watches have it, and so shall all objects of ours.
    const apiVersion = apiVersionOf(this.#resource.group, this.#resource.version);
    for (const item of list.items ?? []) {
      item.apiVersion ??= apiVersion;
      item.kind ??= this.#resource.kind;
    }
    return list;
  }

  create(object: T, options: WriteOptions = {}): Promise<T> {
    const path = this.#path(object.metadata.namespace, undefined, undefined, writeQuery(options));
    return this.#client.json('POST', path, this.#typed(object));
  }

  update(object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace, name } = object.metadata;
    return this.#client.json(
      'PUT',
      this.#path(namespace, name, undefined, writeQuery(options)),
      this.#typed(object),
    );
  }

  updateSubresource<S extends KubeObject = T>(
    subresource: string,
    object: S,
    options: WriteOptions = {},
  ): Promise<S> {
    const { namespace, name } = object.metadata;
    return this.#client.json(
      'PUT',
      this.#path(namespace, name, subresource, writeQuery(options)),
      this.#typed(object),
    );
  }

  createSubresource<S extends KubeObject, R extends KubeObject = S>(
    name: string,
    namespace: string | undefined,
    subresource: string,
    body: S,
  ): Promise<R> {
    return this.#client.json('POST', this.#path(namespace, name, subresource), body);
  }

  patch(
    name: string,
    namespace: string | undefined,
    type: PatchType,
    body: unknown,
    options: WriteOptions & { subresource?: string; force?: boolean } = {},
  ): Promise<T> {
    const query = writeQuery(options);
    if (options.force !== undefined) query.set('force', String(options.force));
    return this.#client.json('PATCH', this.#path(namespace, name, options.subresource, query), body, {
      contentType: PATCH_TYPES[type],
    });
  }

  async delete(name: string, namespace?: string, options: DeleteOptions = {}): Promise<void> {
    await this.#client.json('DELETE', this.#path(namespace, name), deleteBody(options));
  }

  async deleteCollection(options: ListOptions & DeleteOptions = {}): Promise<void> {
    const query = new URLSearchParams();
    if (options.labelSelector !== undefined) query.set('labelSelector', options.labelSelector);
    if (options.fieldSelector !== undefined) query.set('fieldSelector', options.fieldSelector);
    await this.#client.json(
      'DELETE',
      this.#path(options.namespace, undefined, undefined, query),
      deleteBody(options),
    );
  }

  async *watch(options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const path = this.#path(options.namespace, undefined, undefined, watchQuery(options));
    const response = await this.#client.send('GET', path, undefined, { signal: options.signal });
    if (response.status >= 400) throw statusFrom(await readAll(response.body), response.status);
    for await (const line of lines(response.body)) {
      const event = parse<{ type: string; object: unknown }>(line);
      if (event.type === 'ERROR') throw StatusError.fromStatus(event.object as meta.Status, 500);
      yield event as WatchEvent<T>;
    }
  }
}

function watchQuery(options: WatchOptions): URLSearchParams {
  const query = new URLSearchParams({ watch: 'true' });
  for (const key of [
    'labelSelector',
    'fieldSelector',
    'resourceVersion',
    'allowWatchBookmarks',
    'timeoutSeconds',
  ] as const) {
    if (options[key] !== undefined) query.set(key, String(options[key]));
  }
  if (options.sendInitialEvents === true) {
    query.set('sendInitialEvents', 'true');
    query.set('resourceVersionMatch', 'NotOlderThan');
    query.set('allowWatchBookmarks', 'true');
  }
  return query;
}

function writeQuery(options: WriteOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (options.fieldManager !== undefined) query.set('fieldManager', options.fieldManager);
  if (options.dryRun === true) query.set('dryRun', 'All');
  return query;
}

function deleteBody(options: DeleteOptions): unknown {
  const { gracePeriodSeconds, propagationPolicy, preconditions } = options;
  return { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds, propagationPolicy, preconditions };
}

/** Splits a stream into newline-terminated JSON documents; copies only what straddles chunks. */
async function* lines(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const piece = chunk.subarray(start, end);
      const line = rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
      rest = [];
      start = end + 1;
      if (line.length > 0) yield line;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
}

function parse<R>(bytes: Buffer): R {
  try {
    return JSON.parse(bytes.toString('utf8')) as R;
  } catch (error) {
    throw new TransportError(`answer is not JSON: ${bytes.subarray(0, 120).toString('utf8')}`, {
      cause: error,
    });
  }
}

function statusFrom(bytes: Buffer, code: number): StatusError {
  try {
    const status = JSON.parse(bytes.toString('utf8')) as meta.Status;
    if (status.kind === 'Status') return StatusError.fromStatus(status, code);
  } catch {
    // Not a Status: a proxy or another server answered; its text is the best message there is.
  }
  return new StatusError(
    '',
    `the server answered ${code}: ${bytes.subarray(0, 200).toString('utf8')}`,
    undefined,
    code,
  );
}
