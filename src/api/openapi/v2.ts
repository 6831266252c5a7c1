import { acceptedMediaTypes } from '../codec/decode.js';
import type { GroupVersionKind } from '../object.js';
import type { KindRegistry } from '../schema/registry.js';
import { type Operation, type PathOperations, pathsOf } from './operations.js';
import { parameters, patchTypes } from './parameters.js';
import { type Schema, SchemaSet } from './schemas.js';

/** The Swagger 2 document of everything. */
export function buildV2(kinds: KindRegistry, gvks: Map<string, GroupVersionKind[]>, release: string): Schema {
  const schemas = new SchemaSet('v2', gvks);
  const paths: Schema = {};
  for (const { group, versions } of kinds.groups()) {
    for (const version of versions) {
      for (const kind of kinds.inGroupVersion(group, version)) {
        schemas.ref(kind.message);
        for (const item of pathsOf(kind, kinds)) paths[item.path] = pathItem(item, schemas);
      }
    }
  }
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: release },
    paths,
    definitions: schemas.sorted(),
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
  const query = operation.query.map((name) => parameter(name, 'query'));
  const schema = answer === 'text' ? { type: 'string' } : schemas.ref(answer);
  return {
    description: operation.description,
    operationId: operation.id,
    consumes: body === 'patch' ? patchTypes : ['*/*'],
    produces: answer === 'text' ? ['*/*'] : acceptedMediaTypes,
    parameters: body === undefined ? query : [bodyParameter(body, schemas), ...query],
    responses: { '200': { description: 'OK', schema }, '401': { description: 'Unauthorized' } },
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': operation.gvk,
  };
}

function bodyParameter(body: string, schemas: SchemaSet): Schema {
  const schema = body === 'patch' ? schemas.patchRef() : schemas.ref(body);
  return {
    name: 'body',
    in: 'body',
    ...(body === 'meta.v1.DeleteOptions' ? {} : { required: true }),
    schema,
  };
}

function parameter(name: string, where: 'path' | 'query'): Schema {
  return {
    name,
    in: where,
    ...parameters[name]!,
    uniqueItems: true,
    ...(where === 'path' ? { required: true } : {}),
  };
}
