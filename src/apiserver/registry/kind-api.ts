import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import {
  type Decoded,
  decodeObject as decodeBody,
  Errors,
  encodeProtobuf as encodeMessageBody,
  type FieldError,
  type FieldValidation,
  findMessage,
  type KindInfo,
  type KubeObject,
  message,
  type meta,
  pruneAndCheck,
  SchemaError,
} from '#api';

export type { Decoded, FieldValidation };

const deleteOptionsKind: KindInfo = {
  group: 'meta.k8s.io',
  version: 'v1',
  kind: 'DeleteOptions',
  resource: '',
  singular: '',
  shortNames: [],
  categories: [],
  namespaced: false,
  message: 'meta.v1.DeleteOptions',
  subresources: [],
  storagePrefix: '',
  generation: false,
  selectableFields: [],
  virtual: true,
};

/** Decodes a body as DeleteOptions, which every group and version has. */
export function decodeOptions(body: Buffer, contentType: string | undefined): meta.DeleteOptions {
  const { object } = decodeBody(body, contentType, {
    kind: deleteOptionsKind,
    anyGroupVersion: true,
    fieldValidation: 'Ignore',
  });
  const { kind: _kind, apiVersion: _apiVersion, ...options } = object as meta.DeleteOptions & KubeObject;
  return options;
}

export function decodeObject(
  kind: KindInfo,
  body: Buffer,
  contentType: string | undefined,
  validation: FieldValidation,
): Decoded {
  return decodeBody(body, contentType, { kind, fieldValidation: validation });
}

/** Checks a document made by a patch against the kind's schema, as a decoded body would be. */
export function checkObject(
  kind: KindInfo,
  value: unknown,
  validation: FieldValidation,
): { object: KubeObject; warnings: string[] } {
  try {
    const { object, unknown } = pruneAndCheck<KubeObject>(value, message(kind.message));
    const texts =
      validation === 'Ignore' ? [] : unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
    if (validation === 'Strict' && texts.length > 0) {
      throw Errors.badRequest(`strict decoding error: ${texts.join(', ')}`);
    }
    return { object, warnings: texts };
  } catch (error) {
    if (error instanceof SchemaError) throw Errors.badRequest(error.message);
    throw error;
  }
}

/** Whether the kind has a protobuf form to answer with. */
export function hasProtobuf(kind: KindInfo): boolean {
  return findMessage(kind.message) !== undefined;
}

export function encodeProtobuf(kind: KindInfo, object: KubeObject): Buffer {
  return encodeMessageBody(object, message(kind.message));
}

let yaml: typeof Yaml | undefined;

/** Writes YAML; the library is loaded at first use because few clients ask for it. */
export function toYaml(value: unknown): Buffer {
  yaml ??= createRequire(import.meta.url)('yaml') as typeof Yaml;
  return Buffer.from(yaml.stringify(value), 'utf8');
}

// Below: bound to #api as its parts land.
export function labelMatcher(text: string): (labels: Readonly<Record<string, string>>) => boolean {
  const terms = text.split(',').map((t) => t.split('='));
  return (labels) => terms.every(([k, v]) => labels[k!] === v);
}
export interface FieldTerm {
  field: string;
  operator: '=' | '!=';
  value: string;
}
export function parseFieldTerms(text: string): FieldTerm[] {
  return text
    .split(',')
    .filter((t) => t !== '')
    .map((t) => {
      const m = /^([^=!]+)(==|=|!=)(.*)$/.exec(t);
      if (m === null) throw Errors.badRequest(`invalid selector: '${t}'; can't understand '${t}'`);
      return { field: m[1]!, operator: m[2] === '!=' ? '!=' : '=', value: m[3]! };
    });
}
export interface FieldCall {
  manager: string;
  subresource: string;
  time: string;
}
export function trackUpdate(
  _kind: KindInfo,
  _live: KubeObject | undefined,
  _object: KubeObject,
  _call: FieldCall,
): void {}
export function applyConfiguration(
  _kind: KindInfo,
  live: KubeObject | undefined,
  configuration: KubeObject,
  _call: FieldCall & { force: boolean },
): KubeObject {
  return { ...live, ...configuration } as KubeObject;
}
export interface TableColumn {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}
export function printedColumns(_kind: KindInfo): TableColumn[] {
  return [{ name: 'Name', type: 'string', format: 'name', description: '', priority: 0 }];
}
export function printedRow(
  _kind: KindInfo,
  object: KubeObject,
): { cells: unknown[]; conditions?: unknown[] } {
  return { cells: [object.metadata.name] };
}
export function unusedErrors(): FieldError[] {
  return [];
}
