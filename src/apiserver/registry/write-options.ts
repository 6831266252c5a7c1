import { Errors, type FieldError, type KindInfo } from '#api';
import type { RequestContext } from '../contracts.js';
import type { FieldValidation } from './bodies.js';
import { unsupportedDryRun } from './delete-options.js';
import type { WriteCall } from './write-call.js';

/** Characters of a User-Agent that can stand for a field manager. */
const MAX_MANAGER = 128;

const VALIDATIONS = ['', 'Ignore', 'Warn', 'Strict'];

type WriteKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions';

/** Reads dryRun, fieldManager and fieldValidation from the query; throws Invalid as upstream's option validation does. */
export function writeCall(context: RequestContext, options: WriteKind): WriteCall {
  const { query, subresource } = context.info;
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  const manager = query.get('fieldManager') ?? '';
  const validation = query.get('fieldValidation') ?? '';
  const errors: FieldError[] = [];
  if (dryRun.some((value) => value !== 'All')) errors.push(unsupportedDryRun(dryRun));
  if (manager !== '') errors.push(...managerErrors(manager));
  if (!VALIDATIONS.includes(validation)) {
    errors.push({
      type: 'FieldValueNotSupported',
      field: 'fieldValidation',
      message: `Unsupported value: ${JSON.stringify(validation)}: supported values: "Ignore", "Strict", "Warn"`,
    });
  }
  if (errors.length > 0) throw Errors.invalid({ group: 'meta.k8s.io', kind: options }, '', errors);
  return {
    user: context.user,
    dryRun: dryRun.length > 0,
    subresource,
    fieldManager: manager !== '' ? manager : managerOf(context.request.headers['user-agent']),
    external: true,
    warn: (text) => context.warn(text),
    options: optionsObject(options, dryRun, manager, validation),
  };
}

function optionsObject(
  kind: WriteKind,
  dryRun: string[],
  fieldManager: string,
  fieldValidation: string,
): Record<string, unknown> {
  const options: Record<string, unknown> = { kind, apiVersion: 'meta.k8s.io/v1' };
  if (dryRun.length > 0) options['dryRun'] = dryRun;
  if (fieldManager !== '') options['fieldManager'] = fieldManager;
  if (fieldValidation !== '') options['fieldValidation'] = fieldValidation;
  return options;
}

/** How strictly the body's fields are checked; Warn unless the client says otherwise. */
export function fieldValidation(context: RequestContext): FieldValidation {
  return (context.info.query.get('fieldValidation') || 'Warn') as FieldValidation;
}

export function reportWarnings(context: RequestContext, warnings: string[]): void {
  for (const text of warnings) context.warn(text);
}

function managerErrors(manager: string): FieldError[] {
  if (Buffer.byteLength(manager) > MAX_MANAGER) {
    return [
      {
        type: 'FieldValueTooLong',
        field: 'fieldManager',
        message: `Too long: may not be more than ${MAX_MANAGER} bytes`,
      },
    ];
  }
  if (/^[\P{C}]*$/u.test(manager)) return [];
  return [
    {
      type: 'FieldValueInvalid',
      field: 'fieldManager',
      message: `Invalid value: ${JSON.stringify(manager)}: should only contain printable characters`,
    },
  ];
}

/** Without a fieldManager the name of the client program stands in: the User-Agent up to its first slash. */
function managerOf(userAgent: string | undefined): string {
  const slash = userAgent?.indexOf('/') ?? -1;
  const given = slash < 0 ? (userAgent ?? '') : userAgent!.slice(0, slash);
  // As nearly all programs are called.
  if (/^[ -~]{1,128}$/.test(given)) return given;
  const name = given.replace(/[\p{C}]/gu, '');
  return name === '' ? 'unknown' : Buffer.from(name, 'utf8').subarray(0, MAX_MANAGER).toString('utf8');
}

/** Throws BadRequest when the body is of another kind than the endpoint's. */
export function checkKind(
  kind: Pick<KindInfo, 'group' | 'version' | 'kind'>,
  object: { apiVersion?: string; kind?: string },
): void {
  const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
  if ((object.kind ?? '') === '') object.kind = kind.kind;
  if ((object.apiVersion ?? '') === '') object.apiVersion = apiVersion;
  if (object.kind === kind.kind && object.apiVersion === apiVersion) return;
  const [group, version] = splitVersion(object.apiVersion!);
  throw Errors.badRequest(
    `${object.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind.kind}: ` +
      `expected ${apiVersion}, got ${group === '' ? '' : `${group}/`}${version}, Kind=${object.kind}`,
  );
}

function splitVersion(apiVersion: string): [string, string] {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}
