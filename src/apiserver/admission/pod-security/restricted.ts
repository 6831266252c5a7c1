import type { core } from '#api';
import { baseline, baselineOnly, confines, seccompProfile } from './baseline.js';
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
  volumeType,
} from './subject.js';

const VOLUMES = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);

/** Rules about Linux do not bind Pods that say they are for Windows. */
function onLinux(rule: Rule): Rule {
  return (subject) => (subject.spec.os?.name === 'windows' ? undefined : rule(subject));
}

/** Root of a user namespace is nobody outside it (KEP-127). */
function outsideUserNamespaces(rule: Rule): Rule {
  return (subject) => (subject.spec.hostUsers === false ? undefined : rule(subject));
}

const allowPrivilegeEscalation: Rule = (subject) => {
  const names = namesOf(
    subject,
    ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false,
  );
  if (names.length === 0) return undefined;
  const detail = `${counted('container', names)} must set securityContext.allowPrivilegeEscalation=false`;
  return { reason: 'allowPrivilegeEscalation != false', detail };
};

const capabilities: Rule = (subject) => {
  const dropsAll = ({ securityContext }: core.Container) =>
    securityContext?.capabilities?.drop?.includes('ALL') === true;
  const added = ({ securityContext }: core.Container) =>
    (securityContext?.capabilities?.add ?? []).filter((one) => one !== 'NET_BIND_SERVICE');
  const keeping = namesOf(subject, (container) => !dropsAll(container));
  const adding = namesOf(subject, (container) => added(container).length > 0);
  const forbidden = quoted(sorted(containersOf(subject).flatMap(added)));
  const details = [
    ...(keeping.length > 0
      ? [`${counted('container', keeping)} must set securityContext.capabilities.drop=["ALL"]`]
      : []),
    ...(adding.length > 0
      ? [`${counted('container', adding)} must not include ${forbidden} in securityContext.capabilities.add`]
      : []),
  ];
  if (details.length === 0) return undefined;
  return { reason: 'unrestricted capabilities', detail: details.join('; ') };
};

const restrictedVolumes: Rule = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter((volume) => !VOLUMES.has(volumeType(volume)));
  return bad.length === 0 ? undefined : { reason: 'restricted volume types', detail: volumesUse(bad) };
};

const runAsNonRoot: Rule = (subject) => {
  const reason = 'runAsNonRoot != true';
  const ofPod = subject.spec.securityContext?.runAsNonRoot;
  const refusing = namesOf(subject, ({ securityContext }) => securityContext?.runAsNonRoot === false);
  const who = setters(ofPod === false, refusing);
  if (who !== '') return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  if (ofPod === true) return undefined;
  const silent = namesOf(subject, ({ securityContext }) => securityContext?.runAsNonRoot === undefined);
  if (silent.length === 0) return undefined;
  return {
    reason,
    detail: `pod or ${counted('container', silent)} must set securityContext.runAsNonRoot=true`,
  };
};

const runAsUser: Rule = (subject) => {
  const names = namesOf(subject, ({ securityContext }) => securityContext?.runAsUser === 0);
  const who = setters(subject.spec.securityContext?.runAsUser === 0, names);
  return who === '' ? undefined : { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
};

const seccompSet: Rule = (subject: Subject) => {
  const bad = seccompProfile(subject);
  if (bad !== undefined || confines(subject.spec.securityContext?.seccompProfile)) return bad;
  const silent = namesOf(subject, ({ securityContext }) => securityContext?.seccompProfile === undefined);
  if (silent.length === 0) return undefined;
  const detail = `pod or ${counted('container', silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`;
  return { reason: 'seccompProfile', detail };
};

const replaced = new Set<Rule>(Object.values(baselineOnly));

/** The rules of the restricted standard: baseline, save for what is stricter here, and then its own. */
export const restricted: Rule[] = [
  ...baseline.filter((rule) => !replaced.has(rule)),
  onLinux(allowPrivilegeEscalation),
  onLinux(capabilities),
  restrictedVolumes,
  outsideUserNamespaces(runAsNonRoot),
  outsideUserNamespaces(runAsUser),
  onLinux(seccompSet),
];
