import { describe, expect, it } from 'vitest';
import type { core } from '#api';
import { describe as describeViolations, type Level, policyOf, violationsOf } from './policy.js';

type Parts = { spec?: object; container?: object; annotations?: Record<string, string> };

const secure = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};

/** What a Pod of one container breaks of a level, as clients read it. */
function broken(level: Level, { spec = {}, container = {}, annotations = {} }: Parts): string {
  const containers = [{ name: 'c', ...container }];
  const subject = { annotations, spec: { containers, ...spec } as core.PodSpec };
  const at = { level, version: 'latest' };
  const violations = violationsOf(at, subject);
  return violations.length === 0
    ? ''
    : describeViolations(at, violations).replace(/^PodSecurity "\w+:latest": /, '');
}
const inContainer = (securityContext: object): Parts => ({ container: { securityContext } });
const inPod = (securityContext: object): Parts => ({ spec: { securityContext } });

describe('the baseline standard', () => {
  it('allows a Pod that asks for nothing special', () => {
    expect(broken('baseline', {})).toBe('');
    expect(broken('privileged', inContainer({ privileged: true }))).toBe('');
  });

  it.each<[string, Parts, string]>([
    [
      'privileged containers',
      inContainer({ privileged: true }),
      'privileged (container "c" must not set securityContext.privileged=true)',
    ],
    [
      'namespaces of the host',
      { spec: { hostNetwork: true, hostPID: true } },
      'host namespaces (hostNetwork=true, hostPID=true)',
    ],
    [
      'paths of the host',
      {
        spec: {
          volumes: [
            { name: 'v', hostPath: { path: '/' } },
            { name: 'w', hostPath: { path: '/' } },
          ],
        },
      },
      'hostPath volumes (volumes "v", "w")',
    ],
    [
      'ports of the host',
      {
        container: {
          ports: [
            { containerPort: 1, hostPort: 80 },
            { containerPort: 2, hostPort: 443 },
          ],
        },
      },
      'hostPort (container "c" uses hostPorts 443, 80)',
    ],
    [
      'capabilities beyond the usual',
      inContainer({ capabilities: { add: ['KILL', 'NET_ADMIN'] } }),
      'non-default capabilities (container "c" must not include "NET_ADMIN" in securityContext.capabilities.add)',
    ],
    [
      'a bare /proc',
      inContainer({ procMount: 'Unmasked' }),
      'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
    ],
    [
      'no seccomp',
      inPod({ seccompProfile: { type: 'Unconfined' } }),
      'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      'other sysctls',
      inPod({
        sysctls: [
          { name: 'net.ipv4.tcp_syncookies', value: '1' },
          { name: 'kernel.msgmax', value: '1' },
        ],
      }),
      'forbidden sysctls (kernel.msgmax)',
    ],
    [
      'SELinux users and types',
      inContainer({ seLinuxOptions: { type: 'spc_t', user: 'u' } }),
      'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)',
    ],
    [
      'Windows host processes',
      inPod({ windowsOptions: { hostProcess: true } }),
      'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
    ],
    [
      'AppArmor annotations',
      { annotations: { 'container.apparmor.security.beta.kubernetes.io/c': 'unconfined' } },
      'forbidden AppArmor profile (annotation container.apparmor.security.beta.kubernetes.io/c="unconfined")',
    ],
    [
      'AppArmor fields',
      inPod({ appArmorProfile: { type: 'Unconfined' } }),
      'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
    ],
    [
      'probes of other hosts',
      { container: { livenessProbe: { httpGet: { host: 'x', port: 1 } } } },
      'probe or lifecycle host (container "c" uses probe or lifecycle host "x")',
    ],
    [
      'init and ephemeral containers, too',
      {
        spec: {
          initContainers: [{ name: 'i', securityContext: { privileged: true } }],
          ephemeralContainers: [{ name: 'e', securityContext: { privileged: true } }],
        },
      },
      'privileged (containers "i", "e" must not set securityContext.privileged=true)',
    ],
  ])('forbids %s', (_, parts, expected) => {
    expect(broken('baseline', parts)).toBe(expected);
  });
});

describe('the restricted standard', () => {
  it('allows a Pod that confines itself, by itself or by container', () => {
    expect(broken('restricted', inContainer(secure))).toBe('');
    const { runAsNonRoot, seccompProfile, ...rest } = secure;
    expect(broken('restricted', { ...inContainer(rest), ...inPod({ runAsNonRoot, seccompProfile }) })).toBe(
      '',
    );
  });

  it('says all that a plain Pod lacks', () => {
    expect(broken('restricted', {})).toBe(
      'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
        'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), ' +
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), ' +
        'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    );
  });

  it.each<[string, Parts, string]>([
    [
      'root',
      inContainer({ ...secure, runAsUser: 0 }),
      'runAsUser=0 (container "c" must not set runAsUser=0)',
    ],
    [
      'an explicit yes to root',
      inContainer({ ...secure, runAsNonRoot: false }),
      'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false)',
    ],
    [
      'other volumes',
      {
        ...inContainer(secure),
        spec: {
          volumes: [
            { name: 'v', nfs: {} },
            { name: 'w', emptyDir: {} },
          ],
        },
      },
      'restricted volume types (volume "v" uses restricted volume type "nfs")',
    ],
    [
      'more capabilities than one',
      inContainer({ ...secure, capabilities: { drop: ['ALL'], add: ['KILL', 'NET_BIND_SERVICE'] } }),
      'unrestricted capabilities (container "c" must not include "KILL" in securityContext.capabilities.add)',
    ],
    [
      'what baseline forbids',
      { ...inContainer(secure), spec: { hostIPC: true } },
      'host namespaces (hostIPC=true)',
    ],
  ])('forbids %s', (_, parts, expected) => {
    expect(broken('restricted', parts)).toBe(expected);
  });

  it('lets root be where it is root of a user namespace only', () => {
    expect(
      broken('restricted', {
        ...inContainer({ ...secure, runAsUser: 0, runAsNonRoot: false }),
        spec: { hostUsers: false },
      }),
    ).toBe('');
  });
});

describe('labels of a namespace', () => {
  const label = (pairs: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(pairs).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]),
    );

  it('set each mode, and the warnings follow what is enforced', () => {
    expect(policyOf().policy.enforce).toEqual({ level: 'privileged', version: 'latest' });
    const { policy } = policyOf(label({ enforce: 'baseline', 'enforce-version': 'v1.30' }));
    expect(policy.warn).toEqual({ level: 'baseline', version: 'v1.30' });
    expect(policyOf(label({ enforce: 'baseline', warn: 'restricted' })).policy.warn.level).toBe('restricted');
  });

  it('fail closed for enforcement and open for warnings when they cannot be read', () => {
    const { policy, errors } = policyOf(label({ enforce: 'x', warn: 'y', 'warn-version': '1' }));
    expect([policy.enforce.level, policy.warn.level]).toEqual(['restricted', 'privileged']);
    expect(errors.map(({ field, message }) => `${field}: ${message}`)).toEqual([
      'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "x": must be one of privileged, baseline, restricted',
      'metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1": must be "latest" or "v1.x"',
      'metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "y": must be one of privileged, baseline, restricted',
    ]);
  });
});
