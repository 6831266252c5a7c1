import type { GroupVersionKind } from '../object.js';
import type { KindInfo } from '../schema/kind-info.js';
import type { KindRegistry } from '../schema/registry.js';
import { verbsOf } from '../schema/registry.js';
import { subresourceInfo } from '../schema/subresources.js';

export type Method = 'get' | 'put' | 'post' | 'delete' | 'patch';
export type Action = 'list' | 'get' | 'post' | 'put' | 'patch' | 'delete' | 'deletecollection' | 'connect';

/** One HTTP operation, before it is written as Swagger 2 or OpenAPI 3. */
export interface Operation {
  method: Method;
  action: Action;
  id: string;
  description: string;
  gvk: GroupVersionKind;
  /** Messages of the body and of the answer; `patch` and `text` are no messages. */
  body?: string;
  answer: string;
  query: string[];
}

export interface PathOperations {
  path: string;
  pathParameters: string[];
  operations: Operation[];
}

const WRITE = ['dryRun', 'fieldManager', 'fieldValidation'];
const LIST = [
  'allowWatchBookmarks',
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'timeoutSeconds',
  'watch',
];
const DELETE = ['dryRun', 'gracePeriodSeconds', 'orphanDependents', 'propagationPolicy'];
const STATUS = 'meta.v1.Status';
const DELETE_OPTIONS = 'meta.v1.DeleteOptions';

/** Every path of one kind: collection, object, subresources, and the list over all namespaces. */
export function pathsOf(kind: KindInfo, kinds: KindRegistry): PathOperations[] {
  const root = `${kind.group === '' ? '/api' : `/apis/${kind.group}`}/${kind.version}`;
  const scope = kind.namespaced ? '/namespaces/{namespace}' : '';
  const collection = `${root}${scope}/${kind.resource}`;
  const scoped = kind.namespaced ? ['namespace'] : [];
  const all: PathOperations[] = [
    { path: collection, pathParameters: scoped, operations: collectionOperations(kind) },
    { path: `${collection}/{name}`, pathParameters: ['name', ...scoped], operations: objectOperations(kind) },
  ];
  for (const name of kind.subresources) {
    all.push({
      path: `${collection}/{name}/${name}`,
      pathParameters: ['name', ...scoped],
      operations: subresourceOperations(kind, name, kinds),
    });
  }
  if (kind.namespaced && verbsOf(kind).includes('list')) {
    const list = listOperation(kind, `list${idPart(kind)}${kind.kind}ForAllNamespaces`);
    all.push({ path: `${root}/${kind.resource}`, pathParameters: [], operations: [list] });
  }
  return all.filter(({ operations }) => operations.length > 0);
}

/** `CoreV1`, `RbacAuthorizationV1`. */
function idPart(kind: KindInfo): string {
  const group = kind.group === '' ? 'core' : kind.group.replace(/\.k8s\.io$/, '');
  return group.split('.').map(capital).join('') + capital(kind.version);
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function gvkOf({ group, version, kind }: GroupVersionKind): GroupVersionKind {
  return { group, version, kind };
}

function idOf(kind: KindInfo, verb: string, suffix = ''): string {
  return `${verb}${idPart(kind)}${kind.namespaced ? 'Namespaced' : ''}${kind.kind}${suffix}`;
}

function listOperation(kind: KindInfo, id: string): Operation {
  return {
    method: 'get',
    action: 'list',
    id,
    description: `list or watch objects of kind ${kind.kind}`,
    gvk: gvkOf(kind),
    answer: `${kind.message}List`,
    query: LIST,
  };
}

function collectionOperations(kind: KindInfo): Operation[] {
  const verbs = verbsOf(kind);
  const operations: Operation[] = [];
  if (verbs.includes('list')) operations.push(listOperation(kind, idOf(kind, 'list')));
  if (verbs.includes('create')) {
    operations.push({
      method: 'post',
      action: 'post',
      id: idOf(kind, 'create'),
      description: `create a ${kind.kind}`,
      gvk: gvkOf(kind),
      body: kind.message,
      answer: kind.message,
      query: WRITE,
    });
  }
  if (verbs.includes('deletecollection')) {
    operations.push({
      method: 'delete',
      action: 'deletecollection',
      id: `delete${idPart(kind)}Collection${kind.namespaced ? 'Namespaced' : ''}${kind.kind}`,
      description: `delete a collection of ${kind.kind}`,
      gvk: gvkOf(kind),
      body: DELETE_OPTIONS,
      answer: STATUS,
      query: [...LIST.filter((name) => name !== 'watch' && name !== 'allowWatchBookmarks'), ...DELETE],
    });
  }
  return operations;
}

function objectOperations(kind: KindInfo): Operation[] {
  const verbs = verbsOf(kind);
  if (!verbs.includes('get')) return [];
  return [
    ...readWrite(kind, '', gvkOf(kind), kind.message, verbs),
    {
      method: 'delete',
      action: 'delete',
      id: idOf(kind, 'delete'),
      description: `delete a ${kind.kind}`,
      gvk: gvkOf(kind),
      body: DELETE_OPTIONS,
      answer: STATUS,
      query: DELETE,
    },
  ];
}

function readWrite(
  kind: KindInfo,
  suffix: string,
  gvk: GroupVersionKind,
  message: string,
  verbs: string[],
): Operation[] {
  const what =
    suffix === '' ? `the specified ${kind.kind}` : `${suffix.toLowerCase()} of the specified ${kind.kind}`;
  const operations: Operation[] = [];
  if (verbs.includes('get')) {
    operations.push({
      method: 'get',
      action: 'get',
      id: idOf(kind, 'read', suffix),
      description: `read ${what}`,
      gvk,
      answer: message,
      query: [],
    });
  }
  if (verbs.includes('update')) {
    operations.push({
      method: 'put',
      action: 'put',
      id: idOf(kind, 'replace', suffix),
      description: `replace ${what}`,
      gvk,
      body: message,
      answer: message,
      query: WRITE,
    });
  }
  if (verbs.includes('patch')) {
    operations.push({
      method: 'patch',
      action: 'patch',
      id: idOf(kind, 'patch', suffix),
      description: `partially update ${what}`,
      gvk,
      body: 'patch',
      answer: message,
      query: [...WRITE, 'force'],
    });
  }
  return operations;
}

const METHODS: Readonly<Record<string, Method>> = {
  create: 'post',
  delete: 'delete',
  get: 'get',
  patch: 'patch',
  update: 'put',
};

function subresourceOperations(kind: KindInfo, name: string, kinds: KindRegistry): Operation[] {
  const info = subresourceInfo(kind, name);
  const gvk = gvkOf(info);
  const message = kinds.byKind(info.group, info.version, info.kind)?.message;
  const suffix = capital(name);
  if (message === undefined || name === 'log') {
    return info.verbs.map((verb) => ({
      method: METHODS[verb]!,
      action: name === 'log' ? 'get' : 'connect',
      id: idOf(kind, `${name === 'log' ? 'read' : `connect${capital(METHODS[verb]!)}`}`, suffix),
      description: `${name === 'log' ? 'read log' : `connect to ${name}`} of the specified ${kind.kind}`,
      gvk,
      answer: 'text',
      query: [],
    }));
  }
  const operations = readWrite(kind, suffix, gvk, message, info.verbs);
  if (info.verbs.includes('create')) {
    operations.push({
      method: 'post',
      action: 'post',
      id: idOf(kind, 'create', suffix),
      description: `create ${name} of a ${kind.kind}`,
      gvk,
      body: message,
      answer: message,
      query: WRITE,
    });
  }
  return operations;
}
