import { parseApiVersion } from '../object.js';
import type { meta } from '../types/index.js';
import type { Check, Path } from './field-error.js';
import { goQuote } from './field-error.js';
import { dns1123Label, type NameFormat, qualifiedName } from './formats.js';
import { checkAnnotations, checkLabels } from './labels.js';

const MAX_FIELD_MANAGER = 128;
const MAX_SUBRESOURCE = 256;

function checkOwnerReferences(check: Check, path: Path, owners: meta.OwnerReference[] = []): void {
  let controller = '';
  for (const owner of owners) {
    const { group, version } = parseApiVersion(owner.apiVersion ?? '');
    if (version === '')
      check.invalid(`${path}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty');
    for (const field of ['kind', 'name', 'uid'] as const) {
      if ((owner[field] ?? '') === '') check.invalid(`${path}.${field}`, '', 'must not be empty');
    }
    if (group === '' && version === 'v1' && owner.kind === 'Event') {
      check.invalid(path, owner, '/v1, Kind=Event is disallowed from being an owner');
    }
    if (owner.controller !== true) continue;
    const name = `${owner.kind}/${owner.name}`;
    if (controller === '') controller = name;
    else {
      check.invalid(
        path,
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`,
      );
    }
  }
}

function checkFinalizers(check: Check, path: Path, finalizers: string[] = []): void {
  for (const finalizer of finalizers) check.invalidEach(path, finalizer, qualifiedName(finalizer));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    check.invalid(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set');
  }
}

/** A field manager's name: at most 128 bytes, printable. */
function checkFieldManager(check: Check, path: Path, manager: string): void {
  if (Buffer.byteLength(manager) > MAX_FIELD_MANAGER) check.tooLong(path, MAX_FIELD_MANAGER);
  if (/^[ -~]*$/.test(manager)) return;
  let position = 0;
  for (const character of manager) {
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) {
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      check.invalid(path, manager, `invalid character U+${code} (at position ${position})`);
    }
    position += Buffer.byteLength(character);
  }
}

function checkManagedFields(check: Check, path: Path, entries: meta.ManagedFieldsEntry[] = []): void {
  entries.forEach((entry, i) => {
    const at = `${path}[${i}]`;
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
      check.invalid(`${at}.operation`, entry.operation ?? '', 'must be `Apply` or `Update`');
    }
    if ((entry.fieldsType ?? '') !== '' && entry.fieldsType !== 'FieldsV1') {
      check.invalid(`${at}.fieldsType`, entry.fieldsType, 'must be `FieldsV1`');
    }
    checkFieldManager(check, `${at}.manager`, entry.manager ?? '');
    if (Buffer.byteLength(entry.subresource ?? '') > MAX_SUBRESOURCE) {
      check.tooLong(`${at}.subresource`, MAX_SUBRESOURCE);
    }
  });
}

/** What create and update have in common. */
function checkCommon(check: Check, path: Path, metadata: meta.ObjectMeta): void {
  checkLabels(check, `${path}.labels`, metadata.labels);
  checkAnnotations(check, `${path}.annotations`, metadata.annotations);
  checkOwnerReferences(check, `${path}.ownerReferences`, metadata.ownerReferences);
  checkFinalizers(check, `${path}.finalizers`, metadata.finalizers);
  checkManagedFields(check, `${path}.managedFields`, metadata.managedFields);
}

/**
 * Metadata of an object about to be stored (upstream's ValidateObjectMeta). The name has been generated before;
 * an invalid generateName is reported on its own.
 */
export function checkObjectMeta(
  check: Check,
  metadata: meta.ObjectMeta,
  options: { namespaced: boolean; name: NameFormat },
  path: Path = 'metadata',
): void {
  const { name = '', generateName = '', namespace = '' } = metadata;
  if (generateName !== '') {
    check.invalidEach(`${path}.generateName`, generateName, options.name(generateName, true));
  }
  if (name === '') check.required(`${path}.name`, 'name or generateName is required');
  else check.invalidEach(`${path}.name`, name, options.name(name, false));
  if (!options.namespaced) {
    if (namespace !== '') check.forbidden(`${path}.namespace`, 'not allowed on this type');
  } else if (namespace === '') check.required(`${path}.namespace`);
  else check.invalidEach(`${path}.namespace`, namespace, dns1123Label(namespace));
  check.nonNegative(`${path}.generation`, metadata.generation);
  checkCommon(check, path, metadata);
}

const IMMUTABLE = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

/** Metadata of an update against what is stored (upstream's ValidateObjectMetaUpdate). */
export function checkObjectMetaUpdate(
  check: Check,
  metadata: meta.ObjectMeta,
  old: meta.ObjectMeta,
  path: Path = 'metadata',
): void {
  if (old.deletionTimestamp !== undefined) {
    const added = (metadata.finalizers ?? []).filter((f) => !(old.finalizers ?? []).includes(f));
    if (added.length > 0) {
      check.forbidden(
        `${path}.finalizers`,
        `no new finalizers can be added if the object is being deleted, found new finalizers []string{${[...new Set(added)].sort().map(goQuote).join(', ')}}`,
      );
    }
  }
  if ((metadata.resourceVersion ?? '') === '') {
    check.invalid(`${path}.resourceVersion`, '', 'must be specified for an update');
  }
  if ((metadata.generation ?? 0) < (old.generation ?? 0)) {
    check.invalid(`${path}.generation`, metadata.generation ?? 0, 'must not be decremented');
  }
  for (const field of IMMUTABLE) {
    if (metadata[field] !== old[field]) check.immutable(`${path}.${field}`, metadata[field], old[field]);
  }
  checkCommon(check, path, metadata);
}
