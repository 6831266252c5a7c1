import type { core } from '#api';
import { type ConfigSource, findContainer } from '../env/container-env.js';
import { ConfigError, fieldValue, type PodFacts, resourceValue } from '../env/fields.js';
import type { Payload } from './atomic-writer.js';
import type { TokenSource } from './tokens.js';

export interface PayloadContext {
  facts: PodFacts;
  source: ConfigSource;
  tokens: TokenSource;
}

const DEFAULT_MODE = 0o644;

/** Whether the kind of volume is a projection of API objects. */
export function isProjection(volume: core.Volume): boolean {
  return (
    volume.configMap !== undefined ||
    volume.secret !== undefined ||
    volume.downwardAPI !== undefined ||
    volume.projected !== undefined
  );
}

/** The files of a projection volume. Rejects with ConfigError for what does not exist (yet). */
export async function volumePayload(volume: core.Volume, context: PayloadContext): Promise<Payload> {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap !== undefined) return configMapFiles(configMap, configMap.defaultMode, context);
  if (secret !== undefined)
    return secretFiles({ ...secret, name: secret.secretName }, secret.defaultMode, context);
  if (downwardAPI !== undefined) return downwardFiles(downwardAPI, downwardAPI.defaultMode, context.facts);
  return projectedFiles(projected ?? {}, context);
}

async function projectedFiles(volume: core.ProjectedVolumeSource, context: PayloadContext): Promise<Payload> {
  const all: Payload = new Map();
  const mode = volume.defaultMode;
  for (const source of volume.sources ?? [])
    for (const [path, file] of await projectionFiles(source, mode, context)) all.set(path, file);
  return all;
}

async function projectionFiles(
  source: core.VolumeProjection,
  mode: number | undefined,
  context: PayloadContext,
): Promise<Payload> {
  if (source.configMap !== undefined) return configMapFiles(source.configMap, mode, context);
  if (source.secret !== undefined) return secretFiles(source.secret, mode, context);
  if (source.downwardAPI !== undefined) return downwardFiles(source.downwardAPI, mode, context.facts);
  if (source.serviceAccountToken !== undefined) {
    const token = await context.tokens.token(context.facts.pod, source.serviceAccountToken);
    // Other users of the pod may have to read it only when a group is set; root needs no bit.
    return new Map([
      [source.serviceAccountToken.path, { data: Buffer.from(token), mode: tokenMode(context) }],
    ]);
  }
  throw new ConfigError('this kind of projected volume source is not supported');
}

/** 0600, or 0644 when the pod's programs are no root (kubelet projected.go). */
function tokenMode({ facts: { pod } }: PayloadContext): number {
  const users = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(
    (c) => c.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser ?? 0,
  );
  return users.every((uid) => uid === 0) ? 0o600 : DEFAULT_MODE;
}

async function configMapFiles(
  ref: core.ConfigMapProjection,
  mode: number | undefined,
  { facts, source }: PayloadContext,
): Promise<Payload> {
  const namespace = facts.pod.metadata.namespace!;
  const map = await source.configMap(namespace, ref.name ?? '');
  if (map === undefined && ref.optional !== true) throw new ConfigError(`configmap "${ref.name}" not found`);
  const data: Record<string, Buffer> = {};
  for (const [key, value] of Object.entries(map?.data ?? {})) data[key] = Buffer.from(value);
  for (const [key, value] of Object.entries(map?.binaryData ?? {})) data[key] = Buffer.from(value, 'base64');
  return pick(data, ref, mode, `configmap references non-existent config key`);
}

async function secretFiles(
  ref: core.SecretProjection,
  mode: number | undefined,
  { facts, source }: PayloadContext,
): Promise<Payload> {
  const namespace = facts.pod.metadata.namespace!;
  const secret = await source.secret(namespace, ref.name ?? '');
  if (secret === undefined && ref.optional !== true) throw new ConfigError(`secret "${ref.name}" not found`);
  const data: Record<string, Buffer> = {};
  for (const [key, value] of Object.entries(secret?.data ?? {})) data[key] = Buffer.from(value, 'base64');
  return pick(data, ref, mode, `references non-existent secret key`);
}

/** All keys, or the listed ones under their paths. */
function pick(
  data: Record<string, Buffer>,
  ref: { items?: core.KeyToPath[]; optional?: boolean },
  mode: number = DEFAULT_MODE,
  missing: string,
): Payload {
  if (ref.items === undefined || ref.items.length === 0)
    return new Map(Object.entries(data).map(([key, content]) => [key, { data: content, mode }]));
  const payload: Payload = new Map();
  for (const item of ref.items) {
    const content = data[item.key];
    if (content !== undefined) payload.set(item.path, { data: content, mode: item.mode ?? mode });
    else if (ref.optional !== true) throw new ConfigError(`${missing}: ${item.key}`);
  }
  return payload;
}

function downwardFiles(
  volume: core.DownwardAPIProjection,
  mode: number = DEFAULT_MODE,
  facts: PodFacts,
): Payload {
  const payload: Payload = new Map();
  for (const item of volume.items ?? []) {
    const { fieldRef, resourceFieldRef } = item;
    const text =
      fieldRef !== undefined
        ? fieldValue(fieldRef.fieldPath, facts)
        : resourceValue(
            resourceFieldRef!,
            findContainer(facts.pod, resourceFieldRef!.containerName ?? ''),
            facts,
          );
    payload.set(item.path, { data: Buffer.from(text), mode: item.mode ?? mode });
  }
  return payload;
}
