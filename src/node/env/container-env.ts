import type { core } from '#api';
import { expand } from './expand.js';
import { ConfigError, fieldValue, type PodFacts, resourceValue } from './fields.js';
import { serviceEnv, visibleServices } from './service-env.js';

/** Reads the ConfigMaps and Secrets of one namespace; undefined when absent. */
export interface ConfigSource {
  configMap(namespace: string, name: string): Promise<core.ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<core.Secret | undefined>;
}

export interface EnvContext {
  facts: PodFacts;
  /** All Services of the cluster that the node knows. */
  services: core.Service[];
  source: ConfigSource;
}

/** Values of a ConfigMap or Secret as text. */
function dataOf(kind: 'configmap' | 'secret', object: core.ConfigMap | core.Secret): Record<string, string> {
  if (kind === 'configmap') return (object as core.ConfigMap).data ?? {};
  const data = (object as core.Secret).data ?? {};
  return Object.fromEntries(Object.entries(data).map(([k, v]) => [k, Buffer.from(v, 'base64').toString()]));
}

/**
 * The environment of a container that starts now, in upstream's order of precedence: Services, then envFrom,
 * then env (kubelet_pods.go makeEnvironmentVariables). Rejects with ConfigError.
 */
export async function containerEnv(
  container: core.Container,
  context: EnvContext,
): Promise<Record<string, string>> {
  const { pod } = context.facts;
  const services = serviceEnv(
    visibleServices(context.services, pod.metadata.namespace!, pod.spec?.enableServiceLinks ?? true),
  );
  const result: Record<string, string> = {};
  for (const from of container.envFrom ?? []) Object.assign(result, await envFrom(from, context));
  // Later variables see earlier ones; Services are visible to all but lose to every explicit variable.
  const lookup = (name: string) => result[name] ?? services[name];
  for (const variable of container.env ?? []) {
    const value = await variableValue(variable, container, context, lookup);
    if (value !== undefined) result[variable.name] = value;
  }
  return { ...services, ...result };
}

async function envFrom(from: core.EnvFromSource, context: EnvContext): Promise<Record<string, string>> {
  const [kind, ref] =
    from.configMapRef !== undefined
      ? (['configmap', from.configMapRef] as const)
      : (['secret', from.secretRef] as const);
  if (ref === undefined) return {};
  const object = await load(kind, ref.name ?? '', context);
  if (object === undefined) {
    if (ref.optional === true) return {};
    throw new ConfigError(`${kind} "${ref.name}" not found`);
  }
  const prefix = from.prefix ?? '';
  return Object.fromEntries(Object.entries(dataOf(kind, object)).map(([k, v]) => [prefix + k, v]));
}

function load(kind: 'configmap' | 'secret', name: string, { facts, source }: EnvContext) {
  const namespace = facts.pod.metadata.namespace!;
  return kind === 'configmap' ? source.configMap(namespace, name) : source.secret(namespace, name);
}

async function variableValue(
  variable: core.EnvVar,
  container: core.Container,
  context: EnvContext,
  lookup: (name: string) => string | undefined,
): Promise<string | undefined> {
  const from = variable.valueFrom;
  if (from === undefined) return expand(variable.value ?? '', lookup);
  if (from.fieldRef !== undefined) return fieldValue(from.fieldRef.fieldPath, context.facts);
  if (from.resourceFieldRef !== undefined) {
    const { containerName } = from.resourceFieldRef;
    const of = containerName ? findContainer(context.facts.pod, containerName) : container;
    return resourceValue(from.resourceFieldRef, of, context.facts);
  }
  if (from.configMapKeyRef !== undefined) return keyValue('configmap', from.configMapKeyRef, context);
  if (from.secretKeyRef !== undefined) return keyValue('secret', from.secretKeyRef, context);
  throw new ConfigError(`env ${variable.name}: this kind of valueFrom is not supported`);
}

async function keyValue(
  kind: 'configmap' | 'secret',
  ref: core.ConfigMapKeySelector | core.SecretKeySelector,
  context: EnvContext,
): Promise<string | undefined> {
  const object = await load(kind, ref.name ?? '', context);
  const namespace = context.facts.pod.metadata.namespace;
  if (object === undefined) {
    if (ref.optional === true) return undefined;
    throw new ConfigError(`${kind} "${ref.name}" not found`);
  }
  const value = dataOf(kind, object)[ref.key];
  if (value === undefined && ref.optional !== true) {
    const named = kind === 'configmap' ? 'ConfigMap' : 'Secret';
    throw new ConfigError(`couldn't find key ${ref.key} in ${named} ${namespace}/${ref.name}`);
  }
  return value;
}

/** A container of the pod by name; throws ConfigError. */
export function findContainer(pod: core.Pod, name: string): core.Container {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const found = all.find((container) => container.name === name);
  if (found === undefined) throw new ConfigError(`container ${name} not found`);
  return found;
}
