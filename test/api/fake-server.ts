import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createOpenApi,
  encodeProtobuf,
  findMessage,
  KindRegistry,
  type KubeObject,
  swaggerProtobufType,
  verbsOf,
} from '#api';

/** What a client sent with a body. */
export interface SentBody {
  url: string;
  contentType: string | undefined;
  bytes: Buffer;
}

export interface FakeServerOptions {
  /** Objects by path; answered as protobuf when the client takes it. */
  objects?: Record<string, KubeObject>;
  /** Serve `/openapi/v3`; without it clients fall back to `/openapi/v2`. */
  openApiV3?: boolean;
}

/** Just enough of an API server for kubectl to find kinds and documents, made of the api layer alone. */
export async function startFakeServer(options: FakeServerOptions): Promise<{
  url: string;
  bodies: SentBody[];
  close(): Promise<void>;
}> {
  const bodies: SentBody[] = [];
  const answer = responder(options);
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    if (bytes.length > 0)
      bodies.push({ url: request.url!, contentType: request.headers['content-type'], bytes });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function responder(
  options: FakeServerOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const kinds = new KindRegistry();
  const openApi = createOpenApi(kinds);
  return async (request, response) => {
    const path = new URL(request.url!, 'http://localhost').pathname;
    const send = (type: string, bytes: Buffer, status = 200): void => {
      response.writeHead(status, { 'content-type': type });
      response.end(bytes);
    };
    const object = options.objects?.[path];
    if (object !== undefined) return sendObject(kinds, request, object, send);
    if (path === '/openapi/v2') return send(swaggerProtobufType, openApi.v2Protobuf().bytes);
    const document =
      options.openApiV3 === false
        ? undefined
        : path === '/openapi/v3'
          ? await openApi.v3Index()
          : openApi.v3(path.replace(/^\/openapi\/v3\/apis?\//, ''));
    if (document !== undefined) return send('application/json', document.bytes);
    const found = discovery(kinds, path);
    const status = {
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      reason: 'NotFound',
      code: 404,
      message: 'captured',
    };
    send('application/json', Buffer.from(JSON.stringify(found ?? status)), found === undefined ? 404 : 200);
  };
}

function sendObject(
  kinds: KindRegistry,
  request: IncomingMessage,
  object: KubeObject,
  send: (type: string, bytes: Buffer) => void,
): void {
  const version = object.apiVersion!.split('/');
  const name = object.kind!.replace(/List$/, '');
  const kind = kinds.byKind(version.length === 1 ? '' : version[0]!, version.at(-1)!, name)!;
  const schema = findMessage(object.kind === name ? kind.message : `${kind.message}List`)!;
  if (request.headers.accept?.includes('application/vnd.kubernetes.protobuf')) {
    send('application/vnd.kubernetes.protobuf', encodeProtobuf(object, schema));
  } else send('application/json', Buffer.from(JSON.stringify(object)));
}

function discovery(kinds: KindRegistry, path: string): object | undefined {
  if (path === '/version') return { major: '1', minor: '36', gitVersion: 'v1.36.2' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') {
    const groups = kinds.groups().filter(({ group }) => group !== '');
    return {
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: groups.map(({ group }) => ({
        name: group,
        versions: [{ groupVersion: `${group}/v1`, version: 'v1' }],
        preferredVersion: { groupVersion: `${group}/v1`, version: 'v1' },
      })),
    };
  }
  const match = /^\/(?:api|apis\/([^/]+))\/v1$/.exec(path);
  if (match === null) return undefined;
  const group = match[1] ?? '';
  return {
    kind: 'APIResourceList',
    groupVersion: group === '' ? 'v1' : `${group}/v1`,
    resources: kinds.inGroupVersion(group, 'v1').map((kind) => ({
      name: kind.resource,
      singularName: kind.singular,
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: verbsOf(kind),
      shortNames: kind.shortNames,
    })),
  };
}
