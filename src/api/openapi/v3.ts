import { acceptedMediaTypes } from '../codec/decode.js';
import type { GroupVersionKind } from '../object.js';
import type { KindRegistry } from '../schema/registry.js';
import { type Operation, type PathOperations, pathsOf } from './operations.js';
import { parameters, patchTypes } from './parameters.js';
import { type Schema, SchemaSet } from './schemas.js';

/** The OpenAPI 3 document of one group and version. */
export function buildV3(
  kinds: KindRegistry,
  group: string,
  version: string,
  gvks: Map<string, GroupVersionKind[]>,
  release: string,
): Schema {
  const schemas = new SchemaSet('v3', gvks);
  const paths: Schema = {};
  for (const kind of kinds.inGroupVersion(group, version)) {
    schemas.ref(kind.message);
    for (const item of pathsOf(kind, kinds)) paths[item.path] = pathItem(item, schemas);
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: release },
    paths,
    components: { schemas: schemas.sorted() },
  };
}

function pathItem(item: PathOperations, schemas: SchemaSet): Schema {
  const result: Schema = {};
  for (const operation of item.operations) result[operation.method] = operationObject(operation, schemas);
  result['parameters'] = [
    ...item.pathParameters.map((name) => parameter(name, 'path')),
    parameter('pretty', 'query'),
  ];
  return result;
}

function operationObject(operation: Operation, schemas: SchemaSet): Schema {
  const { body, answer } = operation;
  const answered = answer === 'text' ? { type: 'string' } : schemas.ref(answer);
  const types = answer === 'text' ? ['*/*'] : acceptedMediaTypes;
  return {
    description: operation.description,
    operationId: operation.id,
    ...(operation.query.length === 0
      ? {}
      : { parameters: operation.query.map((name) => parameter(name, 'query')) }),
    ...(body === undefined ? {} : { requestBody: requestBody(body, schemas) }),
    responses: {
      '200': { description: 'OK', content: content(types, answered) },
      '401': { description: 'Unauthorized' },
    },
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': operation.gvk,
  };
}

function requestBody(body: string, schemas: SchemaSet): Schema {
  if (body === 'patch') return { content: content(patchTypes, schemas.patchRef()), required: true };
  const options = body === 'meta.v1.DeleteOptions';
  return { content: content(['*/*'], schemas.ref(body)), ...(options ? {} : { required: true }) };
}

function content(types: string[], schema: Schema): Schema {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

function parameter(name: string, where: 'path' | 'query'): Schema {
  const { type, description } = parameters[name]!;
  return {
    name,
    in: where,
    description,
    ...(where === 'path' ? { required: true } : {}),
    schema: { type, uniqueItems: true },
  };
}
