import { compareQuantities } from '../selectors/quantity.js';
import type { core } from '../types/index.js';
import type { Check, Path } from './field-error.js';
import { configMapKey, envVarName, nameIsDnsSubdomain, qualifiedName } from './formats.js';

const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const VOLUME_FIELDS = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
const KNOWN_FIELDS = new Set([
  ...ENV_FIELDS,
  ...VOLUME_FIELDS,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
]);
const RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const BYTE_UNITS = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

/** A downward-API field: `metadata.labels['key']` or one of the fields that the place supports. */
export function checkFieldRef(
  check: Check,
  path: Path,
  ref: core.ObjectFieldSelector,
  place: 'env' | 'volume',
): void {
  if ((ref.apiVersion ?? '') === '') return check.required(`${path}.apiVersion`);
  const fieldPath = ref.fieldPath ?? '';
  if (fieldPath === '') return check.required(`${path}.fieldPath`);
  const subscript = /^([^[\]]+)\['([^']*)'\]$/.exec(fieldPath);
  if (subscript !== null) {
    const [, base, key] = subscript as unknown as [string, string, string];
    if (base === 'metadata.annotations')
      check.invalidEach(path, key.toLowerCase(), qualifiedName(key.toLowerCase()));
    else if (base === 'metadata.labels') check.invalidEach(path, key, qualifiedName(key));
    else check.invalid(path, base, 'does not support subscript');
    return;
  }
  const supported = place === 'env' ? ENV_FIELDS : VOLUME_FIELDS;
  if (!KNOWN_FIELDS.has(fieldPath)) {
    check.invalid(
      `${path}.fieldPath`,
      fieldPath,
      `error converting fieldPath: field label not supported: ${fieldPath}`,
    );
  } else check.optionalOneOf(`${path}.fieldPath`, fieldPath, supported);
}

/** A container's resource: `limits.cpu` and the like, with a sensible divisor. */
export function checkResourceFieldRef(
  check: Check,
  path: Path,
  ref: core.ResourceFieldSelector,
  place: 'env' | 'volume',
): void {
  const resource = ref.resource ?? '';
  if (place === 'volume' && (ref.containerName ?? '') === '') check.required(`${path}.containerName`);
  else if (resource === '') check.required(`${path}.resource`);
  else if (!/^(requests|limits)\.hugepages-/.test(resource)) {
    check.optionalOneOf(`${path}.resource`, resource, RESOURCES);
  }
  const divisor = ref.divisor ?? '0';
  if (compareQuantities(divisor, 0) === 0) return;
  if (resource.endsWith('.cpu')) {
    if (divisor !== '1m' && String(divisor) !== '1') {
      check.invalid(
        `${path}.divisor`,
        resource,
        "only divisor's values 1m and 1 are supported with the cpu resource",
      );
    }
    return;
  }
  if (BYTE_UNITS.includes(String(divisor))) return;
  const what = resource.endsWith('.memory')
    ? 'memory'
    : resource.endsWith('.ephemeral-storage')
      ? 'local ephemeral storage'
      : 'hugepages';
  check.invalid(
    `${path}.divisor`,
    resource,
    `only divisor's values ${BYTE_UNITS.join(', ')} are supported with the ${what} resource`,
  );
}

function checkKeyRef(check: Check, path: Path, ref: { name?: string; key: string }): void {
  check.invalidEach(`${path}.name`, ref.name ?? '', nameIsDnsSubdomain(ref.name ?? ''));
  if ((ref.key ?? '') === '') check.required(`${path}.key`);
  else check.invalidEach(`${path}.key`, ref.key, configMapKey(ref.key));
}

function checkValueFrom(check: Check, path: Path, variable: core.EnvVar): void {
  const from = variable.valueFrom;
  if (from === undefined) return;
  if (from.fieldRef !== undefined) checkFieldRef(check, `${path}.fieldRef`, from.fieldRef, 'env');
  if (from.resourceFieldRef !== undefined) {
    checkResourceFieldRef(check, `${path}.resourceFieldRef`, from.resourceFieldRef, 'env');
  }
  if (from.configMapKeyRef !== undefined) checkKeyRef(check, `${path}.configMapKeyRef`, from.configMapKeyRef);
  if (from.secretKeyRef !== undefined) checkKeyRef(check, `${path}.secretKeyRef`, from.secretKeyRef);
  const sources = [
    from.fieldRef,
    from.resourceFieldRef,
    from.configMapKeyRef,
    from.secretKeyRef,
    from.fileKeyRef,
  ].filter((source) => source !== undefined).length;
  if (sources === 0) {
    check.invalid(
      path,
      '',
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
    );
  } else if ((variable.value ?? '') !== '') {
    check.invalid(path, '', 'may not be specified when `value` is not empty');
  } else if (sources > 1) check.invalid(path, '', 'may not have more than one field specified at a time');
}

/** A container's own variables. */
export function checkEnv(check: Check, path: Path, variables: core.EnvVar[] = []): void {
  variables.forEach((variable, i) => {
    const at = `${path}[${i}]`;
    if ((variable.name ?? '') === '') check.required(`${at}.name`);
    else check.invalidEach(`${at}.name`, variable.name, envVarName(variable.name));
    checkValueFrom(check, `${at}.valueFrom`, variable);
  });
}

/** Variables taken whole from ConfigMaps and Secrets. */
export function checkEnvFrom(check: Check, path: Path, sources: core.EnvFromSource[] = []): void {
  sources.forEach((source, i) => {
    const at = `${path}[${i}]`;
    const prefix = source.prefix ?? '';
    if (prefix !== '') check.invalidEach(`${at}.prefix`, prefix, envVarName(prefix));
    for (const kind of ['configMapRef', 'secretRef'] as const) {
      const ref = source[kind];
      if (ref === undefined) continue;
      if ((ref.name ?? '') === '') check.required(`${at}.${kind}.name`);
      else check.invalidEach(`${at}.${kind}.name`, ref.name, nameIsDnsSubdomain(ref.name!, true));
    }
    const count = [source.configMapRef, source.secretRef].filter((ref) => ref !== undefined).length;
    if (count === 0) check.invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`');
    else if (count > 1) check.invalid(path, '', 'may not have more than one field specified at a time');
  });
}
