import { type Presence, presenceOf } from './presence.js';
import { atomicStructs } from './struct-types.js';
import { apiextensionsV1 } from './tables/apiextensions-v1.js';
import { appsV1 } from './tables/apps-v1.js';
import { authenticationV1 } from './tables/authentication-v1.js';
import { authorizationV1 } from './tables/authorization-v1.js';
import { autoscalingV1 } from './tables/autoscaling-v1.js';
import { autoscalingV2 } from './tables/autoscaling-v2.js';
import { batchV1 } from './tables/batch-v1.js';
import { certificatesV1 } from './tables/certificates-v1.js';
import { coordinationV1 } from './tables/coordination-v1.js';
import { coreV1 } from './tables/core-v1.js';
import { discoveryV1 } from './tables/discovery-v1.js';
import { eventsV1 } from './tables/events-v1.js';
import { metaV1 } from './tables/meta-v1.js';
import { networkingV1 } from './tables/networking-v1.js';
import { nodeV1 } from './tables/node-v1.js';
import { policyV1 } from './tables/policy-v1.js';
import { rbacV1 } from './tables/rbac-v1.js';
import { resourceV1 } from './tables/resource-v1.js';
import { schedulingV1 } from './tables/scheduling-v1.js';
import { storageV1 } from './tables/storage-v1.js';
import { parseTypeRef, type ScalarType, type TypeRef } from './type-ref.js';
import { embeddedFields, parseNumbers, renamedFields } from './wire-layout.js';

/** How lists merge in server-side apply. Absent in the tables means atomic. */
export type ListType = 'atomic' | 'set' | 'map';

/** One field of a message, by its JSON name. */
export interface Field {
  name: string;
  /** Protobuf number, inside the embedded message when `embedded` is set; absent for apiVersion and kind. */
  number?: number;
  /** Number of the embedded message that carries the field on the wire, for fields that Go inlines. */
  embedded?: number;
  type: TypeRef;
  /** Required in OpenAPI: Go writes it even when it is zero. */
  required: boolean;
  listType?: ListType;
  /** For `listType` map: the JSON names that identify an item. */
  listMapKeys?: string[];
  /** Maps and structs that server-side apply treats as one value (`atomic`) or by field (`granular`). */
  mapType?: 'atomic' | 'granular';
  /** Strategic merge: `merge`, `replace`, `retainKeys`; may hold two. */
  patchStrategy?: string[];
  patchMergeKey?: string;
  /** What becomes of the field when it is absent or zero, as Go would write it. */
  presence: Presence;
  /** Default as published in OpenAPI (server-side apply identifies list-map items by it). */
  default?: unknown;
}

/** A message: the shape of a JSON object, or a named scalar. */
export interface Message {
  /** Name as in the tables: `core.v1.Service`. */
  name: string;
  /** Set for messages without fields of their own. */
  scalar?: ScalarType;
  /** In table order. Safe against names such as `__proto__`. */
  fields: Map<string, Field>;
  /** Fields by their number on the top level of the wire message. */
  byNumber: Map<number, Field>;
  /** Embedded messages by their number, each with its fields by theirs. */
  embedded: Map<number, Map<number, Field>>;
  /** Fields that are written even when absent (presence `emit` or `emit-null`). */
  emitted: Field[];
  /** `atomic`: server-side apply replaces the struct as one value. */
  structType?: 'atomic';
}

const TABLES: Readonly<Record<string, string>> = {
  'apiextensions.v1': apiextensionsV1,
  'apps.v1': appsV1,
  'authentication.v1': authenticationV1,
  'authorization.v1': authorizationV1,
  'autoscaling.v1': autoscalingV1,
  'autoscaling.v2': autoscalingV2,
  'batch.v1': batchV1,
  'certificates.v1': certificatesV1,
  'coordination.v1': coordinationV1,
  'core.v1': coreV1,
  'discovery.v1': discoveryV1,
  'events.v1': eventsV1,
  'meta.v1': metaV1,
  'networking.v1': networkingV1,
  'node.v1': nodeV1,
  'policy.v1': policyV1,
  'rbac.v1': rbacV1,
  'resource.v1': resourceV1,
  'scheduling.v1': schedulingV1,
  'storage.v1': storageV1,
};

const parsed = new Map<string, Map<string, Message>>();
/** Messages that have been asked for. */
const found = new Map<string, Message>();

/** The message of this name (`core.v1.Service`); throws TypeError when no table has it. Parses its group's table on first use. */
export function message(name: string): Message {
  const message = findMessage(name);
  if (message === undefined) throw new TypeError(`schema: no message ${JSON.stringify(name)}`);
  return message;
}

/** Like `message`, but undefined for unknown names. `core.v1.ServiceList` is made from `core.v1.Service`. */
export function findMessage(name: string): Message | undefined {
  const known = found.get(name);
  if (known !== undefined) return known;
  const group = tableOf(name.slice(0, name.lastIndexOf('.')));
  const message = group?.get(name) ?? listMessage(name, group);
  if (message !== undefined) found.set(name, message);
  return message;
}

/** Names of all messages of one table (`core.v1`), in table order. */
export function messagesOf(table: string): string[] {
  return [...(tableOf(table)?.keys() ?? [])];
}

/** Names of all tables: `core.v1`, `apps.v1` ... */
export function tableNames(): string[] {
  return Object.keys(TABLES);
}

function tableOf(table: string): Map<string, Message> | undefined {
  let messages = parsed.get(table);
  if (messages === undefined && Object.hasOwn(TABLES, table)) {
    messages = parseTable(table, TABLES[table]!);
    parsed.set(table, messages);
  }
  return messages;
}

function listMessage(name: string, group: Map<string, Message> | undefined): Message | undefined {
  const item = name.endsWith('List') ? group?.get(name.slice(0, -4)) : undefined;
  if (!item?.fields.has('kind')) return undefined;
  return parseTable(name.slice(0, name.lastIndexOf('.')), listTable(name)).get(name);
}

function listTable(name: string): string {
  const short = name.slice(name.lastIndexOf('.') + 1);
  return `${short}\n  metadata 1 meta.v1.ListMeta\n  items 2 []${name.slice(0, -4)} required list=atomic\n  apiVersion - string\n  kind - string\n`;
}

function parseTable(table: string, text: string): Map<string, Message> {
  const messages = new Map<string, Message>();
  let current: Message | undefined;
  let wire: WireNumbers | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (!line.startsWith('  ')) {
      current = parseHead(table, line);
      wire = wireNumbers(current.name);
      messages.set(current.name, current);
    } else {
      addField(current!, wire!, line.trim());
    }
  }
  return messages;
}

function parseHead(table: string, line: string): Message {
  const [short, marker, scalar] = line.split(' ');
  const name = `${table}.${short}`;
  const head: Message = { name, fields: new Map(), byNumber: new Map(), embedded: new Map(), emitted: [] };
  if (marker === 'scalar') {
    const ref = parseTypeRef(name);
    head.scalar = ref.type === 'message' ? scalarOf(scalar) : (ref.type as ScalarType);
  }
  if (atomicStructs.has(name)) head.structType = 'atomic';
  return head;
}

function scalarOf(text: string | undefined): ScalarType {
  return text === undefined ? 'json' : (parseTypeRef(text).type as ScalarType);
}

interface WireNumbers {
  embeddedNumber: number | undefined;
  embedded: Map<string, number>;
  renamed: Map<string, number>;
}

function wireNumbers(name: string): WireNumbers {
  const embedded = Object.hasOwn(embeddedFields, name) ? embeddedFields[name] : undefined;
  return {
    embeddedNumber: embedded?.number,
    embedded: parseNumbers(embedded?.fields),
    renamed: parseNumbers(Object.hasOwn(renamedFields, name) ? renamedFields[name] : undefined),
  };
}

function addField(owner: Message, wire: WireNumbers, line: string): void {
  const [name, number, type, ...flags] = line.split(' ') as [string, string, string, ...string[]];
  const field: Field = { name, type: parseTypeRef(type), required: false, presence: 'keep' };
  for (const flag of flags) applyFlag(field, flag);
  field.presence = presenceOf(owner.name, name, field.type, field.required);
  if (field.presence === 'emit' || field.presence === 'emit-null') owner.emitted.push(field);
  const inner = wire.embedded.get(name);
  if (number === '-' && inner !== undefined) {
    field.number = inner;
    field.embedded = wire.embeddedNumber!;
    embeddedMap(owner, field.embedded).set(inner, field);
  } else {
    const own = number === '-' ? wire.renamed.get(name) : Number(number);
    if (own !== undefined) {
      field.number = own;
      owner.byNumber.set(own, field);
    }
  }
  owner.fields.set(name, field);
}

function embeddedMap(owner: Message, number: number): Map<number, Field> {
  let fields = owner.embedded.get(number);
  if (fields === undefined) {
    fields = new Map();
    owner.embedded.set(number, fields);
  }
  return fields;
}

function applyFlag(field: Field, flag: string): void {
  if (flag === 'required') field.required = true;
  else if (flag.startsWith('list=')) applyListType(field, flag.slice(5));
  else if (flag.startsWith('patch=')) applyPatch(field, flag.slice(6));
  else if (flag.startsWith('default=')) field.default = JSON.parse(flag.slice(8));
  else throw new TypeError(`schema table: unknown flag ${JSON.stringify(flag)}`);
}

function applyListType(field: Field, text: string): void {
  if (field.type.type !== 'list') field.mapType = text === 'map:atomic' ? 'atomic' : 'granular';
  else if (text.startsWith('map:')) {
    field.listType = 'map';
    field.listMapKeys = text.slice(4).split(',');
  } else field.listType = text === 'set' ? 'set' : 'atomic';
}

function applyPatch(field: Field, text: string): void {
  const [strategies, key] = text.split(':');
  field.patchStrategy = strategies!.split(',');
  if (key !== undefined) field.patchMergeKey = key;
}
