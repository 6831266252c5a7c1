import type { core } from '../types/index.js';
import { containersOf, defaultContainer } from './container.js';
import { setDefault, setDefaultText } from './set.js';
import { defaultVolume } from './volume.js';

/** The defaults that Pods and pod templates share (SetDefaults_PodSpec and what it reaches). */
export function defaultPodSpec(spec: core.PodSpec): void {
  setDefaultText(spec, 'dnsPolicy', 'ClusterFirst');
  setDefaultText(spec, 'restartPolicy', 'Always');
  setDefault(spec, 'securityContext', {});
  setDefault(spec, 'terminationGracePeriodSeconds', 30);
  setDefaultText(spec, 'schedulerName', 'default-scheduler');
  mirrorServiceAccount(spec);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const container of containersOf(spec)) defaultContainer(container);
}

/** `serviceAccount` is an old name of `serviceAccountName`; readers of either see both. */
function mirrorServiceAccount(spec: core.PodSpec): void {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (!name) return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

/** The defaults of Pods alone (SetDefaults_Pod), and the fields that the API keeps in step. */
export function defaultPod(pod: core.Pod): void {
  pod.spec ??= { containers: [] };
  const { spec } = pod;
  for (const container of containersOf(spec)) requestsFromLimits(container);
  setDefault(spec, 'enableServiceLinks', true);
  defaultPodSpec(spec);
  if (spec.hostNetwork) {
    for (const container of containersOf(spec)) hostPortsFromContainerPorts(container);
  }
  mirrorPodIPs(pod.status);
}

function requestsFromLimits(container: { resources?: core.ResourceRequirements }): void {
  const { resources } = container;
  if (resources?.limits === undefined) return;
  const requests = resources.requests ?? {};
  for (const [name, limit] of Object.entries(resources.limits)) {
    if (!Object.hasOwn(requests, name)) requests[name] = limit;
  }
  resources.requests = requests;
}

function hostPortsFromContainerPorts(container: { ports?: core.ContainerPort[] }): void {
  for (const port of container.ports ?? []) {
    if (!port.hostPort) port.hostPort = port.containerPort;
  }
}

/** `podIP` is the first of `podIPs`; writers of the old field alone fill the list. */
function mirrorPodIPs(status: core.PodStatus | undefined): void {
  if (status === undefined) return;
  const first = status.podIPs?.[0]?.ip;
  if (status.podIP && status.podIP !== first) status.podIPs = [{ ip: status.podIP }];
  else if (first) status.podIP = first;
}
