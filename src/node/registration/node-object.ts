import { readFileSync } from 'node:fs';
import { arch, availableParallelism, release, totalmem } from 'node:os';
import type { core } from '#api';
import type { NodeOptions } from '../options.js';

export const KUBELET_VERSION = 'v1.36.2';

/** Node's names of processor architectures in Go's words. */
const GO_ARCH: Record<string, string> = {
  x64: 'amd64',
  arm64: 'arm64',
  ia32: '386',
  arm: 'arm',
  ppc64: 'ppc64le',
};

export function goArch(): string {
  return GO_ARCH[arch()] ?? arch();
}

function firstLine(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

function osImage(): string {
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(firstLine('/etc/os-release'))?.[1] ?? 'Linux';
}

/** Labels that the kubelet sets on its own Node. */
export function nodeLabels(options: NodeOptions): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': goArch(),
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': goArch(),
    'kubernetes.io/hostname': options.hostname ?? options.name,
    'kubernetes.io/os': 'linux',
    ...(options.zone === undefined ? {} : { 'topology.kubernetes.io/zone': options.zone }),
    ...(options.region === undefined ? {} : { 'topology.kubernetes.io/region': options.region }),
    ...options.labels,
  };
}

/** What the node has: processors and memory of the machine, shared by all nodes on it. */
export function nodeCapacity(options: NodeOptions): Record<string, string> {
  return {
    cpu: String(availableParallelism()),
    'ephemeral-storage': '100Gi',
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: String(options.maxPods ?? 110),
  };
}

export function nodeInfo(runtime: { name: string; version: string }): core.NodeSystemInfo {
  return {
    machineID: firstLine('/etc/machine-id'),
    systemUUID: firstLine('/etc/machine-id'),
    bootID: firstLine('/proc/sys/kernel/random/boot_id'),
    kernelVersion: release(),
    osImage: osImage(),
    containerRuntimeVersion: `${runtime.name}://${runtime.version}`,
    kubeletVersion: KUBELET_VERSION,
    kubeProxyVersion: '',
    operatingSystem: 'linux',
    architecture: goArch(),
  };
}

type Verdict = Pick<core.NodeCondition, 'type' | 'status' | 'reason' | 'message'>;

const PRESSURES: Verdict[] = [
  {
    type: 'MemoryPressure',
    status: 'False',
    reason: 'KubeletHasSufficientMemory',
    message: 'kubelet has sufficient memory available',
  },
  {
    type: 'DiskPressure',
    status: 'False',
    reason: 'KubeletHasNoDiskPressure',
    message: 'kubelet has no disk pressure',
  },
  {
    type: 'PIDPressure',
    status: 'False',
    reason: 'KubeletHasSufficientPID',
    message: 'kubelet has sufficient PID available',
  },
];

const READY: Verdict = {
  type: 'Ready',
  status: 'True',
  reason: 'KubeletReady',
  message: 'kubelet is posting ready status',
};

function networkVerdict(ready: boolean): Verdict {
  return ready
    ? {
        type: 'NetworkUnavailable',
        status: 'False',
        reason: 'RouteCreated',
        message: 'pod network is set up',
      }
    : {
        type: 'NetworkUnavailable',
        status: 'True',
        reason: 'NoRouteCreated',
        message: 'waiting for spec.podCIDRs',
      };
}

function readyVerdict(networkReady: boolean): Verdict {
  return networkReady
    ? READY
    : {
        type: 'Ready',
        status: 'False',
        reason: 'KubeletNotReady',
        message: 'container runtime network not ready: waiting for spec.podCIDRs',
      };
}

/** The Node's conditions now; the heartbeat moves, transitions only with the status. */
export function nodeConditions(
  old: core.NodeCondition[],
  facts: { networkReady: boolean; now: string },
): core.NodeCondition[] {
  const verdicts = [networkVerdict(facts.networkReady), ...PRESSURES, readyVerdict(facts.networkReady)];
  const own = verdicts.map((verdict): core.NodeCondition => {
    const before = old.find((condition) => condition.type === verdict.type);
    return {
      ...verdict,
      lastHeartbeatTime: facts.now,
      lastTransitionTime:
        before?.status === verdict.status && before.lastTransitionTime
          ? before.lastTransitionTime
          : facts.now,
    };
  });
  const others = old.filter((condition) => !verdicts.some(({ type }) => type === condition.type));
  return [...others, ...own];
}
