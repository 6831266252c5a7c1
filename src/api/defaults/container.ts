import type { core } from '../types/index.js';
import { setDefault, setDefaultNumber, setDefaultText } from './set.js';

/** What containers, init containers and ephemeral containers have in common. */
export type AnyContainer = core.Container | core.EphemeralContainer;

/** All containers of a pod in defaulting order. */
export function containersOf(spec: core.PodSpec): AnyContainer[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}

/** SetDefaults_Container and the defaults of everything inside. */
export function defaultContainer(container: AnyContainer): void {
  setDefaultText(container, 'imagePullPolicy', pullPolicyOf(container.image ?? ''));
  setDefaultText(container, 'terminationMessagePath', '/dev/termination-log');
  setDefaultText(container, 'terminationMessagePolicy', 'File');
  for (const port of container.ports ?? []) setDefaultText(port, 'protocol', 'TCP');
  for (const env of container.env ?? []) defaultEnv(env);
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe !== undefined) defaultProbe(probe);
  }
  for (const handler of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (handler?.httpGet !== undefined) defaultHttpGet(handler.httpGet);
  }
}

function defaultEnv(env: core.EnvVar): void {
  const { fieldRef, fileKeyRef } = env.valueFrom ?? {};
  if (fieldRef !== undefined) setDefaultText(fieldRef, 'apiVersion', 'v1');
  if (fileKeyRef !== undefined) setDefault(fileKeyRef, 'optional', false);
}

function defaultProbe(probe: core.Probe): void {
  setDefaultNumber(probe, 'timeoutSeconds', 1);
  setDefaultNumber(probe, 'periodSeconds', 10);
  setDefaultNumber(probe, 'successThreshold', 1);
  setDefaultNumber(probe, 'failureThreshold', 3);
  if (probe.httpGet !== undefined) defaultHttpGet(probe.httpGet);
  if (probe.grpc !== undefined) setDefault(probe.grpc, 'service', '');
}

function defaultHttpGet(action: core.HTTPGetAction): void {
  setDefaultText(action, 'path', '/');
  setDefaultText(action, 'scheme', 'HTTP');
}

/** `Always` for images whose tag is `latest` (also by leaving it out), else `IfNotPresent`. */
export function pullPolicyOf(image: string): 'Always' | 'IfNotPresent' {
  const name = image.slice(image.lastIndexOf('/') + 1);
  if (name.includes('@')) return /:latest@/.test(name) ? 'Always' : 'IfNotPresent';
  const colon = name.indexOf(':');
  return colon < 0 || name.slice(colon + 1) === 'latest' ? 'Always' : 'IfNotPresent';
}
