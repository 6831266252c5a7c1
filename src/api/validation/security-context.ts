import type { core } from '../types/index.js';
import type { Check, Path } from './field-error.js';
import { rangeError } from './formats.js';
import { checkDescendingPath } from './volumes.js';

const MAX_ID = 0xffffffff;
const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const SYSCTL_SEGMENT = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const SYSCTL = `^(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}$`;
const sysctlRegex = new RegExp(SYSCTL);

function checkId(check: Check, path: Path, id: number | undefined): void {
  if (id !== undefined && (id < 0 || id > MAX_ID)) check.invalid(path, id, rangeError(0, MAX_ID));
}

function checkSeccomp(check: Check, path: Path, profile: core.SeccompProfile | undefined): void {
  if (profile === undefined) return;
  if ((profile.type ?? '') === '')
    check.required(`${path}.type`, 'type is required when seccompProfile is set');
  else check.optionalOneOf(`${path}.type`, profile.type, PROFILE_TYPES);
  const local = profile.localhostProfile;
  if (profile.type === 'Localhost') {
    if (local === undefined) {
      check.required(`${path}.localhostProfile`, 'must be set when seccomp type is Localhost');
    } else checkDescendingPath(check, `${path}.localhostProfile`, local);
  } else if (local !== undefined) {
    check.invalid(`${path}.localhostProfile`, profile, 'can only be set when seccomp type is Localhost');
  }
}

function checkAppArmor(check: Check, path: Path, profile: core.AppArmorProfile | undefined): void {
  if (profile === undefined) return;
  const local = profile.localhostProfile;
  const at = `${path}.localhostProfile`;
  if ((profile.type ?? '') === '')
    check.required(`${path}.type`, 'type is required when appArmorProfile is set');
  else check.optionalOneOf(`${path}.type`, profile.type, PROFILE_TYPES);
  if (profile.type === 'Localhost') {
    if ((local ?? '').trim() === '') check.required(at, 'must be set when AppArmor type is Localhost');
    else if (local!.trim() !== local) check.invalid(at, local, 'must not be padded with whitespace');
    if (Buffer.byteLength(local ?? '') > 4095) check.tooLong(at, 4095);
  } else if (local !== undefined) check.invalid(at, local, 'can only be set when AppArmor type is Localhost');
}

/** A container's security context. */
export function checkSecurityContext(
  check: Check,
  path: Path,
  context: core.SecurityContext | undefined,
  hostUsers: boolean,
): void {
  if (context === undefined) return;
  checkId(check, `${path}.runAsUser`, context.runAsUser);
  checkId(check, `${path}.runAsGroup`, context.runAsGroup);
  check.optionalOneOf(`${path}.procMount`, context.procMount, ['Default', 'Unmasked']);
  if (hostUsers && context.procMount === 'Unmasked') {
    check.invalid(`${path}.procMount`, 'Unmasked', '`hostUsers` must be false to use `Unmasked`');
  }
  checkSeccomp(check, `${path}.seccompProfile`, context.seccompProfile);
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged === true) {
      check.invalid(path, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
    }
    if ((context.capabilities?.add ?? []).includes('CAP_SYS_ADMIN')) {
      check.invalid(
        path,
        context,
        'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
      );
    }
  }
  checkAppArmor(check, `${path}.appArmorProfile`, context.appArmorProfile);
}

function checkSysctls(check: Check, path: Path, sysctls: core.Sysctl[]): void {
  const names = new Set<string>();
  sysctls.forEach((sysctl, i) => {
    const at = `${path}[${i}].name`;
    const name = sysctl.name ?? '';
    if (name === '') check.required(at);
    else if (name.length > 253 || !sysctlRegex.test(name)) {
      check.invalid(at, name, `must have at most 253 characters and match regex ${SYSCTL}`);
    } else if (names.has(name)) check.duplicate(at, name);
    names.add(name);
  });
}

/** A pod's security context. */
export function checkPodSecurityContext(check: Check, path: Path, spec: core.PodSpec): void {
  const context = spec.securityContext;
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    check.invalid(
      `${path}.shareProcessNamespace`,
      true,
      'ShareProcessNamespace and HostPID cannot both be enabled',
    );
  }
  if (context === undefined) return;
  checkId(check, `${path}.fsGroup`, context.fsGroup);
  checkId(check, `${path}.runAsUser`, context.runAsUser);
  checkId(check, `${path}.runAsGroup`, context.runAsGroup);
  (context.supplementalGroups ?? []).forEach((group, i) => {
    checkId(check, `${path}.supplementalGroups[${i}]`, group);
  });
  checkSysctls(check, `${path}.sysctls`, context.sysctls ?? []);
  check.optionalOneOf(`${path}.fsGroupChangePolicy`, context.fsGroupChangePolicy, [
    'Always',
    'OnRootMismatch',
  ]);
  checkSeccomp(check, `${path}.seccompProfile`, context.seccompProfile);
  checkAppArmor(check, `${path}.appArmorProfile`, context.appArmorProfile);
  check.optionalOneOf(`${path}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, [
    'Merge',
    'Strict',
  ]);
}
