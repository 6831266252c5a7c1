import { Errors } from '#api';
import type { RequestInfo } from '../contracts.js';

/** Shared by all requests without a query: nobody changes a request's query. */
const NO_QUERY = new URLSearchParams();

/** Subresources of a namespace, which look like resources in a namespace of that name. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

const SLASH = 0x2f;

const VERB_OF_METHOD: Record<string, string> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/**
 * Reads what a request is about from its method and URL, as upstream's RequestInfoFactory does
 * (apiserver/pkg/endpoints/request/requestinfo.go). Throws BadRequest for paths that cannot be decoded.
 */
export function parseRequestInfo(method: string, url: string): RequestInfo {
  const mark = url.indexOf('?');
  const path = decodePath(mark < 0 ? url : url.slice(0, mark));
  const info: RequestInfo = {
    isResourceRequest: false,
    path,
    query: mark < 0 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1)),
    verb: method.toLowerCase(),
    apiPrefix: '',
    group: '',
    version: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    parts: [],
  };
  readResource(info, method, splitPath(path));
  return info;
}

function decodePath(raw: string): string {
  if (!raw.includes('%')) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    throw Errors.badRequest('the request path is not valid percent-encoding');
  }
}

function splitPath(path: string): string[] {
  let start = 0;
  let end = path.length;
  while (start < end && path.charCodeAt(start) === SLASH) start++;
  while (end > start && path.charCodeAt(end - 1) === SLASH) end--;
  const segments: string[] = [];
  if (start === end) return segments;
  // Every path is new to V8, whose `split` is made for texts that it has seen before.
  for (let slash = path.indexOf('/', start); slash >= 0 && slash < end; slash = path.indexOf('/', start)) {
    segments.push(path.slice(start, slash));
    start = slash + 1;
  }
  segments.push(path.slice(start, end));
  return segments;
}

function readResource(info: RequestInfo, method: string, segments: string[]): void {
  let parts = segments;
  if (parts.length < 3 || (parts[0] !== 'api' && parts[0] !== 'apis')) return;
  if (parts[0] === 'apis') {
    if (parts.length < 4) return;
    info.group = parts[1]!;
    parts = ['apis', ...parts.slice(2)];
  }
  info.apiPrefix = parts[0]!;
  info.version = parts[1]!;
  info.isResourceRequest = true;
  parts = parts.slice(2);
  if (parts[0] === 'watch' || parts[0] === 'proxy') {
    if (parts.length < 2) {
      throw Errors.badRequest(`unable to determine kind and namespace from url, ${info.path}`);
    }
    info.verb = parts[0];
    parts = parts.slice(1);
  } else {
    info.verb = VERB_OF_METHOD[method] ?? '';
  }
  readParts(info, readNamespace(info, parts));
  readCollectionVerb(info);
}

function readNamespace(info: RequestInfo, parts: string[]): string[] {
  if (parts[0] !== 'namespaces' || parts.length < 2) return parts;
  info.namespace = parts[1]!;
  return parts.length > 2 && !NAMESPACE_SUBRESOURCES.has(parts[2]!) ? parts.slice(2) : parts;
}

function readParts(info: RequestInfo, parts: string[]): void {
  info.parts = parts;
  info.resource = parts[0] ?? '';
  info.name = parts[1] ?? '';
  if (info.verb !== 'watch' && info.verb !== 'proxy') info.subresource = parts[2] ?? '';
}

/** Turns get and delete without a name into their collection verbs and notes the selectors they use. */
function readCollectionVerb(info: RequestInfo): void {
  const { query } = info;
  if (info.name === '') {
    if (info.verb === 'get') info.verb = isTrue(query.get('watch')) ? 'watch' : 'list';
    else if (info.verb === 'delete') info.verb = 'deletecollection';
  }
  if (info.verb !== 'list' && info.verb !== 'watch' && info.verb !== 'deletecollection') return;
  const fields = query.get('fieldSelector');
  const labels = query.get('labelSelector');
  if (fields !== null && fields !== '') info.fieldSelector = fields;
  if (labels !== null && labels !== '') info.labelSelector = labels;
  if (info.name === '' && info.fieldSelector !== undefined) info.name = exactName(info.fieldSelector);
}

/** Authorization by name extends to collections that are cut down to one name by `metadata.name=`. */
function exactName(fieldSelector: string): string {
  for (const term of fieldSelector.split(',')) {
    const match = /^metadata\.name==?([^=!]+)$/.exec(term.trim());
    if (match !== null && !/[/%]/.test(match[1]!)) return match[1]!;
  }
  return '';
}

/** Go's strconv-like reading of boolean query parameters: absent, "0" and "false" are false, the rest is true. */
export function isTrue(value: string | null | undefined): boolean {
  return (
    value !== null && value !== undefined && value !== '0' && value.toLowerCase() !== 'false' && value !== ''
  );
}
