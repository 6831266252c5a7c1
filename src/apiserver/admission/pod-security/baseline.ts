import type { core } from '#api';
import {
  containersOf,
  counted,
  namesOf,
  quoted,
  type Rule,
  type Subject,
  setters,
  sorted,
  volumesUse,
} from './subject.js';

const CAPABILITIES = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);
const SELINUX_TYPES = new Set([
  '',
  'container_t',
  'container_init_t',
  'container_kvm_t',
  'container_engine_t',
]);
const SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
]);
const APPARMOR_PREFIX = 'container.apparmor.security.beta.kubernetes.io/';

/** Profiles of seccomp that confine. */
export function confines(profile: { type?: string } | undefined): boolean {
  return profile?.type === 'RuntimeDefault' || profile?.type === 'Localhost';
}

const appArmorProfile: Rule = (subject) => {
  const bad = (profile: core.AppArmorProfile | undefined): boolean =>
    profile !== undefined && profile.type !== 'RuntimeDefault' && profile.type !== 'Localhost';
  const pod = bad(subject.spec.securityContext?.appArmorProfile);
  const names = namesOf(subject, ({ securityContext }) => bad(securityContext?.appArmorProfile));
  const annotations = Object.entries(subject.annotations)
    .filter(
      ([key, value]) => key.startsWith(APPARMOR_PREFIX) && !/^$|^runtime\/default$|^localhost\//.test(value),
    )
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const values = [
    ...(pod ? [subject.spec.securityContext!.appArmorProfile!.type] : []),
    ...containersOf(subject)
      .filter(({ name }) => names.includes(name))
      .map(({ securityContext }) => securityContext!.appArmorProfile!.type),
  ];
  const details = [
    ...(annotations.length > 0
      ? [`${annotations.length === 1 ? 'annotation' : 'annotations'} ${annotations.sort().join(', ')}`]
      : []),
    ...(values.length > 0
      ? [`${setters(pod, names)} must not set AppArmor profile type to ${quoted(sorted(values))}`]
      : []),
  ];
  const count = annotations.length + values.length;
  if (count === 0) return undefined;
  const reason = count === 1 ? 'forbidden AppArmor profile' : 'forbidden AppArmor profiles';
  return { reason, detail: details.join(', ') };
};

const baselineVolumes: Rule = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter((volume) => 'gitRepo' in volume);
  return bad.length === 0 ? undefined : { reason: 'restricted volume types', detail: volumesUse(bad) };
};

const capabilities: Rule = (subject) => {
  const added = ({ securityContext }: core.Container): string[] =>
    (securityContext?.capabilities?.add ?? []).filter((one) => !CAPABILITIES.has(one));
  const names = namesOf(subject, (container) => added(container).length > 0);
  if (names.length === 0) return undefined;
  const forbidden = quoted(sorted(containersOf(subject).flatMap(added)));
  const detail = `${counted('container', names)} must not include ${forbidden} in securityContext.capabilities.add`;
  return { reason: 'non-default capabilities', detail };
};

const hostNamespaces: Rule = ({ spec }) => {
  const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name] === true);
  if (used.length === 0) return undefined;
  return { reason: 'host namespaces', detail: used.map((name) => `${name}=true`).join(', ') };
};

const hostPathVolumes: Rule = ({ spec }) => {
  const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
  return names.length === 0 ? undefined : { reason: 'hostPath volumes', detail: counted('volume', names) };
};

const hostPorts: Rule = (subject) => {
  const portsOf = ({ ports = [] }: core.Container) => ports.filter(({ hostPort = 0 }) => hostPort !== 0);
  const names = namesOf(subject, (container) => portsOf(container).length > 0);
  if (names.length === 0) return undefined;
  const ports = sorted(
    containersOf(subject).flatMap((one) => portsOf(one).map((port) => `${port.hostPort}`)),
  );
  const use = names.length === 1 ? 'uses' : 'use';
  const what = ports.length === 1 ? 'hostPort' : 'hostPorts';
  return { reason: 'hostPort', detail: `${counted('container', names)} ${use} ${what} ${ports.join(', ')}` };
};

/** KEP-4559: probes and hooks must not make the node agent call other hosts. */
const hostProbes: Rule = (subject) => {
  const hostsOf = (container: core.Container): string[] => {
    const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
    const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop];
    return handlers
      .flatMap((one) => [one?.httpGet?.host ?? '', one?.tcpSocket?.host ?? ''])
      .filter((host) => host !== '');
  };
  const names = namesOf(subject, (container) => hostsOf(container).length > 0);
  if (names.length === 0) return undefined;
  const hosts = sorted(containersOf(subject).flatMap(hostsOf));
  const use = names.length === 1 ? 'uses' : 'use';
  const detail = `${counted('container', names)} ${use} probe or lifecycle ${counted('host', hosts)}`;
  return { reason: 'probe or lifecycle host', detail };
};

const privileged: Rule = (subject) => {
  const names = namesOf(subject, ({ securityContext }) => securityContext?.privileged === true);
  if (names.length === 0) return undefined;
  return {
    reason: 'privileged',
    detail: `${counted('container', names)} must not set securityContext.privileged=true`,
  };
};

const procMount: Rule = (subject) => {
  // Pods in a user namespace may see more of /proc.
  if (subject.spec.hostUsers === false) return undefined;
  const mountOf = ({ securityContext }: core.Container) => securityContext?.procMount ?? 'Default';
  const names = namesOf(subject, (container) => mountOf(container) !== 'Default');
  if (names.length === 0) return undefined;
  const mounts = sorted(containersOf(subject).map(mountOf)).filter((mount) => mount !== 'Default');
  const detail = `${counted('container', names)} must not set securityContext.procMount to ${quoted(mounts)}`;
  return { reason: 'procMount', detail };
};

const seLinuxOptions: Rule = (subject) => {
  const bad = (options: core.SELinuxOptions | undefined): boolean =>
    options !== undefined &&
    (!SELINUX_TYPES.has(options.type ?? '') || (options.user ?? '') !== '' || (options.role ?? '') !== '');
  const ofPod = subject.spec.securityContext?.seLinuxOptions;
  const names = namesOf(subject, ({ securityContext }) => bad(securityContext?.seLinuxOptions));
  if (!bad(ofPod) && names.length === 0) return undefined;
  const all = [ofPod, ...containersOf(subject).map(({ securityContext }) => securityContext?.seLinuxOptions)];
  const types = sorted(all.map((one) => one?.type ?? '').filter((type) => !SELINUX_TYPES.has(type)));
  const data = [
    ...(types.length > 0 ? [counted('type', types)] : []),
    ...(all.some((one) => (one?.user ?? '') !== '') ? ['user may not be set'] : []),
    ...(all.some((one) => (one?.role ?? '') !== '') ? ['role may not be set'] : []),
  ];
  const who = setters(bad(ofPod), names);
  return {
    reason: 'seLinuxOptions',
    detail: `${who} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}`,
  };
};

/** Profiles that are set must confine; restricted Pods must set one. */
export const seccompProfile: Rule = (subject) => {
  const bad = (profile: core.SeccompProfile | undefined): boolean =>
    profile !== undefined && !confines(profile);
  const ofPod = subject.spec.securityContext?.seccompProfile;
  const names = namesOf(subject, ({ securityContext }) => bad(securityContext?.seccompProfile));
  if (!bad(ofPod) && names.length === 0) return undefined;
  const all = [ofPod, ...containersOf(subject).map(({ securityContext }) => securityContext?.seccompProfile)];
  const values = sorted(all.filter(bad).map((profile) => profile!.type));
  const detail = `${setters(bad(ofPod), names)} must not set securityContext.seccompProfile.type to ${quoted(values)}`;
  return { reason: 'seccompProfile', detail };
};

const sysctls: Rule = ({ spec }) => {
  const names = (spec.securityContext?.sysctls ?? [])
    .map(({ name }) => name)
    .filter((name) => !SYSCTLS.has(name));
  return names.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: names.join(', ') };
};

const windowsHostProcess: Rule = (subject: Subject) => {
  const pod = subject.spec.securityContext?.windowsOptions?.hostProcess === true;
  const names = namesOf(
    subject,
    ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true,
  );
  if (!pod && names.length === 0) return undefined;
  const detail = `${setters(pod, names)} must not set securityContext.windowsOptions.hostProcess=true`;
  return { reason: 'hostProcess', detail };
};

/** The rules of the baseline standard, in upstream's order; those that restricted replaces are apart. */
export const baselineOnly = { capabilities, hostPathVolumes, seccompProfile };
export const baseline: Rule[] = [
  appArmorProfile,
  baselineVolumes,
  capabilities,
  hostNamespaces,
  hostPathVolumes,
  hostPorts,
  hostProbes,
  privileged,
  procMount,
  seLinuxOptions,
  seccompProfile,
  sysctls,
  windowsHostProcess,
];
