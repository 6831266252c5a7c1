import { Errors } from '#api';
import { type CachedList, type ListOptions, listBody } from '../cacher/cacher.js';
import type { ApiResponse, RequestContext } from '../contracts.js';
import { type Negotiated, negotiate } from '../request/negotiation.js';
import { type Soon, soon } from '../soon.js';
import { listResponse } from './list-forms.js';
import { listQuery, readVersion } from './query.js';
import type { Resource } from './resource.js';
import { objectResponse, readOffer } from './respond.js';
import { selectionOf } from './selection.js';

/** GET of one object. */
export function getObject(context: RequestContext, resource: Resource): Soon<ApiResponse> {
  const { info, request } = context;
  const form = negotiate(request.headers['accept'], readOffer(resource));
  const resourceVersion = readVersion(info.query.get('resourceVersion'));
  return soon(resource.cacher.get(info.namespace, info.name, { resourceVersion }), (cached) => {
    if (cached === undefined) throw Errors.notFound(resource.group, info.name);
    return objectResponse(context, resource, 200, form, { cached });
  });
}

/** GET of a collection. */
export async function listObjects(context: RequestContext, resource: Resource): Promise<ApiResponse> {
  const form = negotiate(context.request.headers['accept'], readOffer(resource));
  const list = await resource.cacher.list(listOptions(context, resource));
  return listAnswer(context, resource, form, list);
}

/** The options of the list that a request asks for; also what deletecollection deletes. */
export function listOptions(context: RequestContext, resource: Resource): ListOptions {
  const query = listQuery(context.info, false);
  return {
    selection: selectionOf(context.info, resource),
    ...(query.resourceVersion === undefined ? {} : { resourceVersion: query.resourceVersion }),
    ...(query.match === undefined ? {} : { match: query.match }),
    ...(query.limit === undefined ? {} : { limit: query.limit }),
    ...(query.continue === undefined ? {} : { continue: query.continue }),
    signal: context.request.signal,
  };
}

/** A list in the negotiated form. Plain JSON is joined from stored bytes; every other form is built item by item. */
export function listAnswer(
  context: RequestContext,
  resource: Resource,
  form: Negotiated,
  list: CachedList,
): ApiResponse | Promise<ApiResponse> {
  const plain = form.encoding === 'json' && form.transform === 'none' && resource.convert === undefined;
  if (!plain) return listResponse(context, resource, form, list);
  const { apiVersion, kind } = resource;
  return {
    status: 200,
    headers: { 'content-type': form.contentType },
    body: listBody(list, { apiVersion, listKind: `${kind.kind}List` }),
    document: true,
  };
}
