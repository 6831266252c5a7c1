import type { GroupVersionKind } from '../object.js';
import { type Field, findMessage, type Message } from '../schema/messages.js';
import type { TypeRef } from '../schema/type-ref.js';
import { describe } from './descriptions.js';
import { definitionName } from './names.js';

/** Swagger 2 and OpenAPI 3 differ in references and unions. */
export type Flavour = 'v2' | 'v3';
export type Schema = Record<string, unknown>;

/** Types that are published under a name of their own although the tables treat them as scalars. */
const NAMED: Readonly<Record<string, { name: string; v2: Schema; v3?: Schema }>> = {
  time: {
    name: 'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
    v2: {
      description: 'A point in time in RFC 3339 form, whole seconds.',
      type: 'string',
      format: 'date-time',
    },
  },
  'micro-time': {
    name: 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
    v2: {
      description: 'A point in time in RFC 3339 form, to the microsecond.',
      type: 'string',
      format: 'date-time',
    },
  },
  quantity: {
    name: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
    v2: { description: 'An amount of a resource, such as 100m, 2 or 1Gi.', type: 'string' },
    v3: {
      description: 'An amount of a resource, such as 100m, 2 or 1Gi.',
      oneOf: [{ type: 'string' }, { type: 'number' }],
    },
  },
  'int-or-string': {
    name: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    v2: {
      description: 'A number or a text; the two are not the same.',
      type: 'string',
      format: 'int-or-string',
    },
    v3: {
      description: 'A number or a text; the two are not the same.',
      format: 'int-or-string',
      oneOf: [{ type: 'integer' }, { type: 'string' }],
    },
  },
  object: {
    name: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
    v2: { description: 'Any JSON object.', type: 'object' },
  },
  'fields-v1': {
    name: 'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
    v2: { description: 'A set of fields as server-side apply keeps it.', type: 'object' },
  },
};

const PATCH = 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch';

/** Collects the schemas that a document needs, following references from the messages asked for. */
export class SchemaSet {
  readonly schemas = new Map<string, Schema>();
  readonly #flavour: Flavour;
  readonly #gvks: Map<string, GroupVersionKind[]>;

  constructor(flavour: Flavour, gvks: Map<string, GroupVersionKind[]>) {
    this.#flavour = flavour;
    this.#gvks = gvks;
  }

  /** A reference to the schema of a message, which joins the set. */
  ref(message: string): Schema {
    return this.#reference(definitionName(message), () => this.#struct(findMessage(message)));
  }

  /** The body of PATCH requests. */
  patchRef(): Schema {
    return this.#reference(PATCH, () => ({
      description: 'A patch; its form is named by the content type.',
      type: 'object',
    }));
  }

  /** The schemas by name, sorted as upstream's documents are. */
  sorted(): Schema {
    return Object.fromEntries([...this.schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #reference(name: string, build: () => Schema): Schema {
    if (!this.schemas.has(name)) {
      this.schemas.set(name, {});
      this.schemas.set(name, build());
    }
    return { $ref: `#/${this.#flavour === 'v2' ? 'definitions' : 'components/schemas'}/${name}` };
  }

  #struct(message: Message | undefined): Schema {
    if (message === undefined) return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const properties: Schema = {};
    const required: string[] = [];
    for (const field of [...message.fields.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      properties[field.name] = this.#property(message, field);
      if (field.required) required.push(field.name);
    }
    const description = describe(message.name);
    const gvks = this.#gvks.get(message.name);
    return {
      ...(description === undefined ? {} : { description }),
      type: 'object',
      ...(required.length === 0 ? {} : { required }),
      ...(message.fields.size === 0 ? {} : { properties }),
      ...(gvks === undefined ? {} : { 'x-kubernetes-group-version-kind': gvks }),
      ...(message.structType === 'atomic' ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    };
  }

  #property(owner: Message, field: Field): Schema {
    const type = this.#type(field.type);
    const description = describe(owner.name, field.name);
    const text = description === undefined ? {} : { description };
    const wrapped = '$ref' in type && this.#flavour === 'v3' ? { allOf: [type] } : type;
    return { ...text, ...wrapped, ...this.#defaultOf(field), ...extensions(field) };
  }

  #defaultOf(field: Field): Schema {
    if (field.default !== undefined) return { default: field.default };
    if (this.#flavour === 'v2' || field.presence !== 'emit') return {};
    if (field.type.type === 'message') return { default: {} };
    return field.required && field.type.type === 'string' ? { default: '' } : {};
  }

  #type(type: TypeRef): Schema {
    switch (type.type) {
      case 'message':
        return this.ref(type.name);
      case 'list':
        return { type: 'array', items: this.#item(type.of) };
      case 'map':
        return { type: 'object', additionalProperties: this.#item(type.of) };
      case 'string':
      case 'boolean':
        return { type: type.type };
      case 'int32':
      case 'int64':
        return { type: 'integer', format: type.type };
      case 'double':
        return { type: 'number', format: 'double' };
      case 'bytes':
        return { type: 'string', format: 'byte' };
      default:
        return this.#named(type.type);
    }
  }

  /** Items of lists and maps carry the empty value as their default in v3. */
  #item(type: TypeRef): Schema {
    const schema = this.#type(type);
    if (this.#flavour === 'v2') return schema;
    if ('$ref' in schema) return type.type === 'message' ? { allOf: [schema], default: {} } : schema;
    if (type.type === 'string') return { ...schema, default: '' };
    return type.type === 'int32' || type.type === 'int64' ? { ...schema, default: 0 } : schema;
  }

  #named(type: string): Schema {
    const named = Object.hasOwn(NAMED, type) ? NAMED[type] : undefined;
    if (named === undefined) return { 'x-kubernetes-preserve-unknown-fields': true };
    return this.#reference(named.name, () => (this.#flavour === 'v3' && named.v3 ? named.v3 : named.v2));
  }
}

function extensions(field: Field): Schema {
  const result: Schema = {};
  if (field.listMapKeys !== undefined) result['x-kubernetes-list-map-keys'] = field.listMapKeys;
  if (field.listType !== undefined) result['x-kubernetes-list-type'] = field.listType;
  if (field.mapType !== undefined) result['x-kubernetes-map-type'] = field.mapType;
  if (field.patchMergeKey !== undefined) result['x-kubernetes-patch-merge-key'] = field.patchMergeKey;
  if (field.patchStrategy !== undefined)
    result['x-kubernetes-patch-strategy'] = field.patchStrategy.join(',');
  return result;
}
