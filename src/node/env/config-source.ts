import { type core, isNotFound } from '#api';
import { type Client, type Resource, Resources } from '#client';
import type { ConfigSource } from './container-env.js';

type Named = core.ConfigMap | core.Secret;

/** How long a read is shared; containers of one pod that start together read each object once. */
const TTL_MS = 1000;

/** Reads ConfigMaps and Secrets when pods need them; a node has no business watching all of them. */
export function createConfigSource(client: Client, now: () => number): ConfigSource {
  const cache = new Map<string, { at: number; value: Promise<Named | undefined> }>();
  const read = <T extends Named>(resource: Resource<T>, namespace: string, name: string) => {
    const key = `${resource.resource}/${namespace}/${name}`;
    const have = cache.get(key);
    if (have !== undefined && now() - have.at < TTL_MS) return have.value as Promise<T | undefined>;
    const value = get(client, resource, namespace, name).catch((error: unknown) => {
      cache.delete(key);
      throw error;
    });
    for (const [old, entry] of cache) if (now() - entry.at >= TTL_MS) cache.delete(old);
    cache.set(key, { at: now(), value });
    return value;
  };
  return {
    configMap: (namespace, name) => read(Resources.configMaps, namespace, name),
    secret: (namespace, name) => read(Resources.secrets, namespace, name),
  };
}

async function get<T extends Named>(
  client: Client,
  resource: Resource<T>,
  namespace: string,
  name: string,
): Promise<T | undefined> {
  try {
    return await client.resource(resource).get(name, namespace);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
