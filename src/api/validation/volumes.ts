import { compareQuantities } from '../selectors/quantity.js';
import type { core } from '../types/index.js';
import { checkFieldRef, checkResourceFieldRef } from './env.js';
import type { Check, Path } from './field-error.js';
import { configMapKey, dns1123Label, nameIsDnsSubdomain } from './formats.js';

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

function hasBackstep(path: string): boolean {
  return path.split('/').includes('..');
}

/** A path below something: relative, and never up. */
export function checkDescendingPath(check: Check, path: Path, value: string): void {
  if (value.startsWith('/')) check.invalid(path, value, 'must be a relative path');
  if (hasBackstep(value)) check.invalid(path, value, "must not contain '..'");
}

function checkMode(check: Check, path: Path, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) {
    check.invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive');
  }
}

function checkItems(check: Check, path: Path, items: core.KeyToPath[] = []): void {
  items.forEach((item, i) => {
    const at = `${path}[${i}]`;
    if ((item.key ?? '') === '') check.required(`${at}.key`);
    else check.invalidEach(`${at}.key`, item.key, configMapKey(item.key));
    if ((item.path ?? '') === '') check.required(`${at}.path`);
    else checkNonDotDotPath(check, `${at}.path`, item.path);
    checkMode(check, `${at}.mode`, item.mode);
  });
}

function checkNonDotDotPath(check: Check, path: Path, value: string): void {
  checkDescendingPath(check, path, value);
  if (value.startsWith('..') && !value.startsWith('../'))
    check.invalid(path, value, "must not start with '..'");
}

function checkDownwardFiles(check: Check, path: Path, items: core.DownwardAPIVolumeFile[] = []): void {
  items.forEach((item, i) => {
    const at = `${path}[${i}]`;
    if ((item.path ?? '') === '') check.required(`${at}.path`);
    else checkNonDotDotPath(check, `${at}.path`, item.path);
    if (item.fieldRef !== undefined) {
      checkFieldRef(check, `${at}.fieldRef`, item.fieldRef, 'volume');
      if (item.resourceFieldRef !== undefined) {
        check.invalid(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously');
      }
    } else if (item.resourceFieldRef !== undefined) {
      checkResourceFieldRef(check, `${at}.resourceFieldRef`, item.resourceFieldRef, 'volume');
    } else check.required(`${at}.fieldRef`, 'one of fieldRef and resourceFieldRef is required');
    checkMode(check, `${at}.mode`, item.mode);
  });
}

function checkToken(check: Check, path: Path, token: core.ServiceAccountTokenProjection): void {
  const seconds = token.expirationSeconds;
  if (seconds !== undefined && seconds < 600) {
    check.invalid(`${path}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes');
  }
  if (seconds !== undefined && seconds > 2 ** 32) {
    check.invalid(
      `${path}.expirationSeconds`,
      seconds,
      'may not specify a duration larger than 2^32 seconds',
    );
  }
  if ((token.path ?? '') === '') check.required(`${path}.path`);
  else checkNonDotDotPath(check, `${path}.path`, token.path);
}

function checkProjection(check: Check, path: Path, source: core.VolumeProjection): void {
  for (const kind of ['secret', 'configMap'] as const) {
    const from = source[kind];
    if (from === undefined) continue;
    if ((from.name ?? '') === '') check.required(`${path}.${kind}.name`);
    checkItems(check, `${path}.${kind}.items`, from.items);
  }
  if (source.downwardAPI !== undefined) {
    checkDownwardFiles(check, `${path}.downwardAPI.items`, source.downwardAPI.items);
  }
  if (source.serviceAccountToken !== undefined) {
    checkToken(check, `${path}.serviceAccountToken`, source.serviceAccountToken);
  }
  const kinds = Object.values(source).filter((value) => value !== undefined).length;
  if (kinds > 1) check.forbidden(path, 'may not specify more than 1 volume type per source');
  else if (kinds === 0) check.required(path, 'must specify a volume type');
}

function checkProjected(check: Check, path: Path, source: core.ProjectedVolumeSource): void {
  checkMode(check, `${path}.defaultMode`, source.defaultMode);
  (source.sources ?? []).forEach((projection, i) => {
    checkProjection(check, `${path}.sources[${i}]`, projection);
  });
}

function checkHostPath(check: Check, path: Path, source: core.HostPathVolumeSource): void {
  if ((source.path ?? '') === '') check.required(`${path}.path`);
  else if (hasBackstep(source.path)) check.invalid(`${path}.path`, source.path, "must not contain '..'");
  check.optionalOneOf(`${path}.type`, source.type, HOST_PATH_TYPES);
}

function checkEmptyDir(check: Check, path: Path, source: core.EmptyDirVolumeSource): void {
  if (source.sizeLimit !== undefined && compareQuantities(source.sizeLimit, 0) < 0) {
    check.forbidden(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity');
  }
}

/** Checks for the sources that this project runs; the others need only be the one source. */
function checkSource(check: Check, path: Path, volume: core.Volume): void {
  if (volume.emptyDir !== undefined) checkEmptyDir(check, `${path}.emptyDir`, volume.emptyDir);
  if (volume.hostPath !== undefined) checkHostPath(check, `${path}.hostPath`, volume.hostPath);
  if (volume.secret !== undefined) {
    if ((volume.secret.secretName ?? '') === '') check.required(`${path}.secret.secretName`);
    checkMode(check, `${path}.secret.defaultMode`, volume.secret.defaultMode);
    checkItems(check, `${path}.secret.items`, volume.secret.items);
  }
  if (volume.configMap !== undefined) {
    if ((volume.configMap.name ?? '') === '') check.required(`${path}.configMap.name`);
    checkMode(check, `${path}.configMap.defaultMode`, volume.configMap.defaultMode);
    checkItems(check, `${path}.configMap.items`, volume.configMap.items);
  }
  if (volume.downwardAPI !== undefined) {
    checkMode(check, `${path}.downwardAPI.defaultMode`, volume.downwardAPI.defaultMode);
    checkDownwardFiles(check, `${path}.downwardAPI.items`, volume.downwardAPI.items);
  }
  if (volume.projected !== undefined) checkProjected(check, `${path}.projected`, volume.projected);
  const claim = volume.persistentVolumeClaim;
  if (claim !== undefined) {
    const at = `${path}.persistentVolumeClaim.claimName`;
    if ((claim.claimName ?? '') === '') check.required(at);
    else check.invalidEach(at, claim.claimName, nameIsDnsSubdomain(claim.claimName));
  }
}

/** A pod's volumes; returns them by name for the mounts. */
export function checkVolumes(
  check: Check,
  path: Path,
  volumes: core.Volume[] = [],
): Map<string, core.Volume> {
  const byName = new Map<string, core.Volume>();
  volumes.forEach((volume, i) => {
    const at = `${path}[${i}]`;
    const name = volume.name ?? '';
    const sources = Object.entries(volume).filter(([key, value]) => key !== 'name' && value !== undefined);
    if (sources.length === 0) check.required(at, 'must specify a volume type');
    for (const [kind] of sources.slice(1)) {
      check.forbidden(`${at}.${kind}`, 'may not specify more than 1 volume type');
    }
    checkSource(check, at, volume);
    if (name === '') check.required(`${at}.name`);
    else check.invalidEach(`${at}.name`, name, dns1123Label(name));
    if (byName.has(name)) check.duplicate(`${at}.name`, name);
    byName.set(name, volume);
  });
  return byName;
}

/** Where a container mounts the pod's volumes. */
export function checkVolumeMounts(
  check: Check,
  path: Path,
  mounts: core.VolumeMount[] = [],
  volumes: Map<string, core.Volume>,
): void {
  const used = new Set<string>();
  mounts.forEach((mount, i) => {
    const at = `${path}[${i}]`;
    const { name = '', mountPath = '' } = mount;
    if (name === '') check.required(`${at}.name`);
    if (!volumes.has(name)) check.notFound(`${at}.name`, name);
    if (mountPath === '') check.required(`${at}.mountPath`);
    if (used.has(mountPath)) check.invalid(`${at}.mountPath`, mountPath, 'must be unique');
    used.add(mountPath);
    if ((mount.subPath ?? '') !== '') checkDescendingPath(check, `${path}.subPath`, mount.subPath!);
    if ((mount.subPathExpr ?? '') === '') return;
    if ((mount.subPath ?? '') !== '') {
      check.invalid(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive');
    }
    checkDescendingPath(check, `${path}.subPathExpr`, mount.subPathExpr!);
  });
}
