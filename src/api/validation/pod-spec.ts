import type { core } from '../types/index.js';
import {
  type ContainerScope,
  checkContainers,
  checkEphemeralContainers,
  checkInitContainers,
} from './containers.js';
import type { Check, Path } from './field-error.js';
import {
  dns1123Label,
  dns1123Subdomain,
  dns1123SubdomainWithUnderscore,
  nameIsDnsSubdomain,
  qualifiedName,
  rangeError,
} from './formats.js';
import { checkLegacyIp } from './ip-formats.js';
import { checkAnnotations, checkLabels } from './labels.js';
import { checkResourceRequirements } from './resources.js';
import { checkAffinity, checkTolerations, checkTopologySpread } from './scheduling.js';
import { checkPodSecurityContext } from './security-context.js';
import { checkVolumes } from './volumes.js';

const MAX_INT32 = 2 ** 31 - 1;
const MAX_NAMESERVERS = 3;
const MAX_SEARCH_PATHS = 32;
const MAX_SEARCH_CHARACTERS = 2048;
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

function checkDnsConfig(
  check: Check,
  path: Path,
  spec: core.PodSpec,
  stored: core.PodSpec | undefined,
): void {
  const config = spec.dnsConfig;
  if (spec.dnsPolicy === 'None') {
    if (config === undefined) {
      return check.required(path, 'must provide `dnsConfig` when `dnsPolicy` is None');
    }
    if ((config.nameservers ?? []).length === 0) {
      return check.required(
        `${path}.nameservers`,
        'must provide at least one DNS nameserver when `dnsPolicy` is None',
      );
    }
  }
  const { nameservers = [], searches = [], options = [] } = config ?? {};
  if (nameservers.length > MAX_NAMESERVERS) {
    check.invalid(
      `${path}.nameservers`,
      nameservers,
      `must not have more than ${MAX_NAMESERVERS} nameservers`,
    );
  }
  nameservers.forEach((server, i) => {
    checkLegacyIp(check, `${path}.nameservers[${i}]`, server, stored?.dnsConfig?.nameservers);
  });
  checkSearches(check, `${path}.searches`, searches);
  options.forEach((option, i) => {
    if ((option.name ?? '') === '') check.required(`${path}.options[${i}]`, 'must not be empty');
  });
}

function checkSearches(check: Check, path: Path, searches: string[]): void {
  if (searches.length > MAX_SEARCH_PATHS) {
    check.invalid(path, searches, `must not have more than ${MAX_SEARCH_PATHS} search paths`);
  }
  if (searches.join(' ').length > MAX_SEARCH_CHARACTERS) {
    check.invalid(
      path,
      searches,
      `must not have more than ${MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list`,
    );
  }
  searches.forEach((search, i) => {
    if (search === '.') return;
    const name = search.replace(/\.$/, '');
    check.invalidEach(`${path}[${i}]`, name, dns1123SubdomainWithUnderscore(name));
  });
}

function checkHostNetworkPorts(check: Check, path: Path, spec: core.PodSpec, isPod: boolean): void {
  if (spec.hostNetwork !== true) return;
  (spec.containers ?? []).forEach((container, c) => {
    (container.ports ?? []).forEach((port, p) => {
      const hostPort = port.hostPort ?? 0;
      if ((isPod || hostPort !== 0) && hostPort !== port.containerPort) {
        check.invalid(
          `${path}.containers[${c}].ports[${p}].hostPort`,
          hostPort,
          'must match `containerPort` when `hostNetwork` is true',
        );
      }
    });
  });
}

function checkHostUsers(check: Check, path: Path, spec: core.PodSpec): void {
  if (spec.hostUsers !== false) return;
  const why = 'when `pod.Spec.HostUsers` is false';
  if (spec.hostNetwork === true) check.forbidden(`${path}.hostNetwork`, why);
  if (spec.hostPID === true) check.forbidden(`${path}.HostPID`, why);
  if (spec.hostIPC === true) check.forbidden(`${path}.HostIPC`, why);
}

function checkHostAliases(
  check: Check,
  path: Path,
  spec: core.PodSpec,
  stored: core.PodSpec | undefined,
): void {
  const storedIPs = (stored?.hostAliases ?? []).map((alias) => alias.ip);
  (spec.hostAliases ?? []).forEach((alias, i) => {
    checkLegacyIp(check, `${path}[${i}].ip`, alias.ip ?? '', storedIPs);
    (alias.hostnames ?? []).forEach((name, n) => {
      check.invalidEach(`${path}[${i}].hostnames[${n}]`, name, dns1123Subdomain(name));
    });
  });
}

function checkGates(check: Check, path: Path, spec: core.PodSpec): void {
  (spec.readinessGates ?? []).forEach((gate, i) => {
    const at = `${path}.readinessGates[${i}].conditionType`;
    check.invalidEach(at, gate.conditionType ?? '', qualifiedName(gate.conditionType ?? ''));
  });
  const seen = new Set<string>();
  (spec.schedulingGates ?? []).forEach((gate, i) => {
    const at = `${path}.schedulingGates[${i}]`;
    check.invalidEach(at, gate.name ?? '', qualifiedName(gate.name ?? ''));
    if (seen.has(gate.name)) check.duplicate(at, gate.name);
    seen.add(gate.name);
  });
}

/** Optional names; each is checked when it is not empty. */
function checkNames(check: Check, path: Path, spec: core.PodSpec): void {
  const named = (field: keyof core.PodSpec & string, format: (name: string) => string[]): void => {
    const value = spec[field];
    if (typeof value === 'string' && value !== '') {
      check.invalidEach(`${path}.${field}`, value, format(value));
    }
  };
  named('serviceAccountName', nameIsDnsSubdomain);
  named('nodeName', nameIsDnsSubdomain);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > MAX_INT32)) {
    check.invalid(`${path}.activeDeadlineSeconds`, deadline, rangeError(1, MAX_INT32));
  }
  named('hostname', dns1123Label);
  named('subdomain', dns1123Label);
  named('priorityClassName', nameIsDnsSubdomain);
  named('runtimeClassName', nameIsDnsSubdomain);
}

function checkPolicies(check: Check, path: Path, spec: core.PodSpec): void {
  check.oneOf(`${path}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']);
  check.oneOf(`${path}.dnsPolicy`, spec.dnsPolicy, DNS_POLICIES);
  checkLabels(check, `${path}.nodeSelector`, spec.nodeSelector);
}

function checkAllContainers(check: Check, path: Path, spec: core.PodSpec): void {
  const volumes = checkVolumes(check, `${path}.volumes`, spec.volumes);
  const scope: ContainerScope = {
    volumes,
    grace: spec.terminationGracePeriodSeconds,
    hostUsers: spec.hostUsers !== false,
  };
  checkContainers(check, `${path}.containers`, spec.containers, scope);
  checkInitContainers(check, `${path}.initContainers`, spec.initContainers, spec.containers, scope);
  checkEphemeralContainers(check, `${path}.ephemeralContainers`, spec, scope);
}

/**
 * A pod's spec, in a Pod (`isPod`) or in a template (upstream's ValidatePodSpec). `stored` is the spec being
 * replaced: addresses that it already has pass whatever their form.
 */
export function checkPodSpec(
  check: Check,
  path: Path,
  spec: core.PodSpec,
  options: { isPod: boolean; stored?: core.PodSpec | undefined },
): void {
  if (spec.terminationGracePeriodSeconds === undefined) {
    check.required(`${path}.terminationGracePeriodSeconds`);
  }
  checkAllContainers(check, path, spec);
  checkResourceRequirements(check, `${path}.resources`, spec.resources);
  checkHostNetworkPorts(check, path, spec, options.isPod);
  checkPolicies(check, path, spec);
  checkPodSecurityContext(check, `${path}.securityContext`, spec);
  checkAffinity(check, `${path}.affinity`, spec.affinity);
  checkDnsConfig(check, `${path}.dnsConfig`, spec, options.stored);
  checkGates(check, path, spec);
  checkTopologySpread(check, `${path}.topologySpreadConstraints`, spec.topologySpreadConstraints);
  checkHostUsers(check, path, spec);
  checkNames(check, path, spec);
  checkTolerations(check, `${path}.tolerations`, spec.tolerations);
  checkHostAliases(check, `${path}.hostAliases`, spec, options.stored);
  check.optionalOneOf(`${path}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never']);
  check.optionalOneOf(`${path}.os.name`, spec.os?.name, ['linux', 'windows']);
}

/** A pod template: labels, annotations and the spec; ephemeral containers have no place in it. */
export function checkPodTemplateSpec(
  check: Check,
  path: Path,
  template: core.PodTemplateSpec | undefined,
  stored?: core.PodTemplateSpec,
): void {
  checkLabels(check, `${path}.labels`, template?.metadata?.labels);
  checkAnnotations(check, `${path}.annotations`, template?.metadata?.annotations);
  const spec = template?.spec ?? { containers: [] };
  checkPodSpec(check, `${path}.spec`, spec, { isPod: false, stored: stored?.spec });
  if ((spec.ephemeralContainers ?? []).length > 0) {
    check.forbidden(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template');
  }
}
