import { type KindInfo, type KindRegistry, StatusError, verbsOf } from '#api';
import type { ApiResponse, RequestContext, UpgradeRequest } from '../contracts.js';
import type { SubresourceHandlers, VirtualHandlers } from '../deps.js';
import type { Soon } from '../soon.js';
import { Pace } from '../watch/pace.js';
import { startWatch, watchObjects } from '../watch/watch.js';
import { serveWatchSocket } from '../watch/websocket.js';
import type { ObjectBody } from './object-body.js';
import { getObject, listObjects } from './read.js';
import type { Resource } from './resource.js';
import type { Resources } from './resources.js';
import { scaleObject } from './scale.js';
import { deleteCollection, deleteOne, patchObject, postObject, putObject } from './write.js';
import type { WriteEnv } from './write-call.js';

export interface RouterDeps {
  kinds: KindRegistry;
  resources: Resources;
  env: WriteEnv;
  body: ObjectBody;
  subresources: SubresourceHandlers;
  virtual: VirtualHandlers;
  /** Aborts when the server drains: watches end. */
  drain: AbortSignal;
}

/** Subresources that the generic verbs serve, with the verbs they have. */
const GENERIC: Readonly<Record<string, readonly string[]>> = {
  status: ['get', 'patch', 'update'],
  finalize: ['update'],
  ephemeralcontainers: ['get', 'patch', 'update'],
  resize: ['get', 'patch', 'update'],
  approval: ['get', 'patch', 'update'],
};

/** Verbs on one object; the others are on collections (the legacy watch path aside). */
const NEEDS_NAME = new Set(['get', 'update', 'patch', 'delete']);

/** Finds what serves a resource request, and serves it. Undefined: there is no such path. */
export class ResourceRouter {
  readonly #deps: RouterDeps;
  readonly #pace = new Pace();

  constructor(deps: RouterDeps) {
    this.#deps = deps;
  }

  /** The kind that a request is about; undefined for paths that no kind has. */
  kindOf({ info }: RequestContext): KindInfo | undefined {
    const kind = this.#deps.kinds.byResource(info.group, info.version, info.resource);
    if (kind === undefined || (info.apiPrefix === 'api') !== (info.group === '')) return undefined;
    if (!kind.namespaced && info.namespace !== '' && info.resource !== 'namespaces') return undefined;
    return kind;
  }

  handle(context: RequestContext): Soon<ApiResponse | undefined> {
    const kind = this.kindOf(context);
    if (kind === undefined) return undefined;
    const { info } = context;
    // Names of namespaced objects need a namespace; collections are readable across all of them.
    if (kind.namespaced && info.namespace === '' && info.parts.length > 1) return undefined;
    if (info.subresource !== '') return this.#subresource(context, kind);
    const named = info.parts.length > 1;
    if (!verbsOf(kind).includes(info.verb) || (NEEDS_NAME.has(info.verb) !== named && info.verb !== 'watch'))
      throw notAllowed();
    if (kind.virtual === true) return this.#virtual(context, kind);
    if (kind.namespaced && info.namespace === '' && info.verb === 'create') throw notAllowed();
    return this.#verb(context, this.#resource(context, kind));
  }

  /** Hands a protocol upgrade to the watch or subresource that it is for; throws NotFound or MethodNotAllowed. */
  async upgrade(context: RequestContext, request: UpgradeRequest): Promise<void> {
    const kind = this.kindOf(context);
    const { info } = context;
    if (kind !== undefined && info.verb === 'watch' && info.subresource === '') {
      if (!verbsOf(kind).includes('watch')) throw notAllowed();
      const resource = this.#resource(context, kind);
      const { drain } = this.#deps;
      return serveWatchSocket(request, () =>
        startWatch(context, resource, drain, this.#pace, (frames) => frames),
      );
    }
    const handler =
      kind === undefined ? undefined : this.#deps.subresources.get(`${kind.message}/${info.subresource}`);
    if (handler?.upgrade === undefined) {
      throw new StatusError('NotFound', 'the server could not find the requested resource', {});
    }
    if (!handler.methods.includes(request.method)) throw notAllowed();
    await handler.upgrade(context, request);
  }

  #resource(context: RequestContext, kind: KindInfo): Resource {
    const resource = this.#deps.resources.of(kind);
    if (resource.strategy.deprecation !== undefined) context.warn(resource.strategy.deprecation);
    // A namespace's own path reads as if it were inside itself.
    if (!kind.namespaced) context.info.namespace = '';
    return resource;
  }

  #verb(context: RequestContext, resource: Resource): Soon<ApiResponse> {
    const { env, drain } = this.#deps;
    switch (context.info.verb) {
      case 'get':
        return getObject(context, resource);
      case 'list':
        return listObjects(context, resource);
      case 'watch':
        return watchObjects(context, resource, drain, this.#pace);
      case 'create':
        return postObject(env, context, resource);
      case 'update':
        return putObject(env, context, resource);
      case 'patch':
        return patchObject(env, context, resource);
      case 'delete':
        return deleteOne(env, context, resource);
      case 'deletecollection':
        return deleteCollection(env, context, resource);
      default:
        throw notAllowed();
    }
  }

  async #subresource(context: RequestContext, kind: KindInfo): Promise<ApiResponse | undefined> {
    const { info, request } = context;
    const { subresources, env, kinds } = this.#deps;
    if (!kind.subresources.includes(info.subresource)) return undefined;
    const handler = subresources.get(`${kind.message}/${info.subresource}`);
    if (handler !== undefined) {
      if (!handler.methods.includes(request.method)) throw notAllowed();
      return handler.handle(context);
    }
    if (info.parts.length > 3) return undefined;
    const resource = this.#resource(context, kind);
    if (info.subresource === 'scale') {
      if (!['get', 'patch', 'update'].includes(info.verb)) throw notAllowed();
      return scaleObject(env, context, resource, kinds.byKind('autoscaling', 'v1', 'Scale')!);
    }
    if (!GENERIC[info.subresource]?.includes(info.verb)) throw notAllowed();
    return this.#verb(context, resource);
  }

  async #virtual(context: RequestContext, kind: KindInfo): Promise<ApiResponse> {
    const handler = this.#deps.virtual.get(kind.message);
    if (handler === undefined || context.info.verb !== 'create') throw notAllowed();
    const object = await this.#deps.body.read(context, kind.message);
    const answer = await handler.create(context, object);
    return this.#deps.body.write(context, 201, answer);
  }
}

function notAllowed(): StatusError {
  return new StatusError(
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );
}
