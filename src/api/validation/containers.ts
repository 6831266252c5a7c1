import type { core } from '../types/index.js';
import { checkEnv, checkEnvFrom } from './env.js';
import type { Check, Path } from './field-error.js';
import { dns1123Label, portName, portNumber } from './formats.js';
import { checkLifecycle, checkProbes } from './probes.js';
import { checkResourceRequirements } from './resources.js';
import { checkSecurityContext } from './security-context.js';
import { checkVolumeMounts } from './volumes.js';

/** What the checks of one container need to know of its pod. */
export interface ContainerScope {
  volumes: Map<string, core.Volume>;
  /** The pod's grace period in seconds, when it has a valid one. */
  grace: number | undefined;
  hostUsers: boolean;
}

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

function checkPorts(check: Check, path: Path, ports: core.ContainerPort[] = []): void {
  const names = new Set<string>();
  ports.forEach((port, i) => {
    const at = `${path}[${i}]`;
    const name = port.name ?? '';
    if (name !== '') {
      const errors = portName(name);
      check.invalidEach(`${at}.name`, name, errors);
      if (errors.length === 0 && names.has(name)) check.duplicate(`${at}.name`, name);
      names.add(name);
    }
    if ((port.containerPort ?? 0) === 0) check.required(`${at}.containerPort`);
    else check.invalidEach(`${at}.containerPort`, port.containerPort, portNumber(port.containerPort));
    if ((port.hostPort ?? 0) !== 0) {
      check.invalidEach(`${at}.hostPort`, port.hostPort, portNumber(port.hostPort!));
    }
    check.oneOf(`${at}.protocol`, port.protocol, PROTOCOLS);
  });
}

/** No two ports of these containers may take the same host port. */
function checkHostPorts(check: Check, path: Path, containers: core.Container[]): void {
  const taken = new Set<string>();
  containers.forEach((container, c) => {
    (container.ports ?? []).forEach((port, p) => {
      if ((port.hostPort ?? 0) === 0) return;
      const key = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (taken.has(key)) check.duplicate(`${path}[${c}].ports[${p}].hostPort`, key);
      taken.add(key);
    });
  });
}

function checkResizePolicies(check: Check, path: Path, policies: core.ContainerResizePolicy[] = []): void {
  const seen = new Set<string>();
  policies.forEach((policy, i) => {
    if (seen.has(policy.resourceName)) check.duplicate(`${path}[${i}]`, policy.resourceName);
    seen.add(policy.resourceName);
    check.oneOf(path, policy.resourceName, ['cpu', 'memory']);
    check.oneOf(path, policy.restartPolicy, ['NotRequired', 'RestartContainer']);
  });
}

function checkCommon(check: Check, path: Path, container: core.Container, scope: ContainerScope): void {
  if ((container.name ?? '') === '') check.required(`${path}.name`);
  else check.invalidEach(`${path}.name`, container.name, dns1123Label(container.name));
  if ((container.image ?? '') === '') check.required(`${path}.image`);
  const messagePolicy = container.terminationMessagePolicy;
  check.oneOf(`${path}.terminationMessagePolicy`, messagePolicy, ['File', 'FallbackToLogsOnError']);
  checkPorts(check, `${path}.ports`, container.ports);
  checkEnv(check, `${path}.env`, container.env);
  checkEnvFrom(check, `${path}.envFrom`, container.envFrom);
  checkVolumeMounts(check, `${path}.volumeMounts`, container.volumeMounts, scope.volumes);
  check.oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']);
  checkResourceRequirements(check, `${path}.resources`, container.resources);
  checkResizePolicies(check, `${path}.resizePolicy`, container.resizePolicy);
  checkSecurityContext(check, `${path}.securityContext`, container.securityContext, scope.hostUsers);
}

/** The containers that make up the pod: at least one, names unique among them. */
export function checkContainers(
  check: Check,
  path: Path,
  containers: core.Container[] = [],
  scope: ContainerScope,
): void {
  if (containers.length === 0) return check.required(path);
  const names = new Set<string>();
  containers.forEach((container, i) => {
    const at = `${path}[${i}]`;
    checkCommon(check, at, container, scope);
    if (names.has(container.name)) check.duplicate(`${at}.name`, container.name);
    names.add(container.name);
    checkLifecycle(check, `${at}.lifecycle`, container.lifecycle, scope.grace);
    checkProbes(check, at, container);
    check.optionalOneOf(`${at}.restartPolicy`, container.restartPolicy, ['Always', 'Never', 'OnFailure']);
  });
  checkHostPorts(check, path, containers);
}

const ONLY_SIDECARS = 'may not be set for init containers without restartPolicy=Always';

/** Init containers and sidecars (restartPolicy Always), named apart from the regular containers. */
export function checkInitContainers(
  check: Check,
  path: Path,
  containers: core.Container[] = [],
  regular: core.Container[] = [],
  scope: ContainerScope,
): void {
  const names = new Set(regular.map((container) => container.name));
  containers.forEach((container, i) => {
    const at = `${path}[${i}]`;
    checkCommon(check, at, container, scope);
    check.optionalOneOf(`${at}.restartPolicy`, container.restartPolicy, ['Always', 'Never', 'OnFailure']);
    if (names.has(container.name)) check.duplicate(`${at}.name`, container.name);
    else if ((container.name ?? '') !== '') names.add(container.name);
    checkHostPorts(check, path, [container]);
    if (container.restartPolicy === 'Always') {
      checkLifecycle(check, `${at}.lifecycle`, container.lifecycle, scope.grace);
      checkProbes(check, at, container);
      return;
    }
    for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
      if (container[field] !== undefined) check.forbidden(`${at}.${field}`, ONLY_SIDECARS);
    }
  });
}

const NOT_EPHEMERAL = [
  'ports',
  'resources',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'resizePolicy',
  'restartPolicy',
] as const;

function isSet(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

/** Containers added to a running pod for debugging. */
export function checkEphemeralContainers(
  check: Check,
  path: Path,
  spec: core.PodSpec,
  scope: ContainerScope,
): void {
  const others = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(
    (container) => container.name,
  );
  const names = new Set(others);
  const why = 'cannot be set for an Ephemeral Container';
  (spec.ephemeralContainers ?? []).forEach((container, i) => {
    const at = `${path}[${i}]`;
    checkCommon(check, at, container, scope);
    if ((container.image ?? '').trim() !== (container.image ?? '')) {
      check.invalid(`${at}.image`, container.image, 'must not have leading or trailing whitespace');
    }
    if (names.has(container.name)) check.duplicate(`${at}.name`, container.name);
    names.add(container.name);
    const target = container.targetContainerName ?? '';
    if (target !== '' && !others.includes(target)) check.notFound(`${at}.targetContainerName`, target);
    for (const field of NOT_EPHEMERAL) if (isSet(container[field])) check.forbidden(`${at}.${field}`, why);
    (container.volumeMounts ?? []).forEach((mount, m) => {
      if ((mount.subPath ?? '') !== '') check.forbidden(`${at}.volumeMounts[${m}].subPath`, why);
      if ((mount.subPathExpr ?? '') !== '') check.forbidden(`${at}.volumeMounts[${m}].subPathExpr`, why);
    });
  });
}
