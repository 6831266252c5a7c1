import { type GroupVersionResource, isStatus, type KubeObject } from '#api';
import type { Client, Resource, ResourceClient } from '#client';
import { count } from '../common/maps.js';

type ServerResource = Awaited<ReturnType<Client['serverResources']>>[number];

/** What is left of a namespace after one attempt to empty it. */
export interface Remains {
  /** Instances by `resource.group`. */
  resources: Map<string, number>;
  /** Instances by finalizer. */
  finalizers: Map<string, number>;
  errors: string[];
}

const PAGE = 500;

/** Kinds that hold deletable objects in namespaces, each once whatever versions it is served in. */
export function deletableKinds(resources: ServerResource[]): ServerResource[] {
  const seen = new Map<string, ServerResource>();
  for (const resource of resources) {
    const usable = resource.namespaced && ['list', 'delete'].every((verb) => resource.verbs.includes(verb));
    const name = nameOf(resource);
    if (usable && !resource.resource.includes('/') && !seen.has(name)) seen.set(name, resource);
  }
  return [...seen.values()];
}

/**
 * Deletes everything in a namespace that is reachable through discovery, Pods before all else so that what
 * they depend on (NetworkPolicies, Secrets) outlives them (KEP-5080), and counts what stays behind.
 */
export async function emptyNamespace(
  client: Client,
  namespace: string,
  kinds: ServerResource[],
): Promise<Remains> {
  const remains: Remains = { resources: new Map(), finalizers: new Map(), errors: [] };
  const pods = kinds.filter((kind) => kind.group === '' && kind.resource === 'pods');
  const others = kinds.filter((kind) => !pods.includes(kind));
  for (const stage of [pods, others]) {
    await Promise.all(stage.map((kind) => emptyKind(client, namespace, kind, remains)));
    if (remains.resources.size > 0 && stage === pods) return remains;
  }
  return remains;
}

async function emptyKind(
  client: Client,
  namespace: string,
  kind: ServerResource,
  remains: Remains,
): Promise<void> {
  const api = client.resource(handle(kind));
  try {
    // Most namespaces are nearly empty: looking first costs less than deleting nothing.
    if ((await api.list({ namespace, limit: 1 })).items.length === 0) return;
    await deleteAll(api, namespace, kind);
    await countLeft(api, namespace, nameOf(kind), remains);
  } catch (error) {
    // A kind that has gone since discovery holds nothing.
    if (isStatus(error, 'NotFound', 'MethodNotAllowed')) return;
    remains.errors.push(`${nameOf(kind)}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function deleteAll(
  api: ResourceClient<KubeObject>,
  namespace: string,
  kind: ServerResource,
): Promise<void> {
  if (kind.verbs.includes('deletecollection')) {
    await api.deleteCollection({ namespace, propagationPolicy: 'Background' });
    return;
  }
  for (const { metadata } of (await api.list({ namespace })).items)
    await api.delete(metadata.name!, namespace, { propagationPolicy: 'Background' }).catch(ignoreGone);
}

function ignoreGone(error: unknown): void {
  if (!isStatus(error, 'NotFound')) throw error;
}

async function countLeft(
  api: ResourceClient<KubeObject>,
  namespace: string,
  name: string,
  remains: Remains,
): Promise<void> {
  let next: string | undefined;
  do {
    const page = await api.list({
      namespace,
      limit: PAGE,
      ...(next === undefined ? {} : { continue: next }),
    });
    for (const { metadata } of page.items) {
      count(remains.resources, name);
      for (const finalizer of metadata.finalizers ?? []) count(remains.finalizers, finalizer);
    }
    next = page.metadata.continue || undefined;
  } while (next !== undefined);
}

function nameOf({ group, resource }: GroupVersionResource): string {
  return `${resource}.${group}`;
}

function handle({ group, version, resource, kind }: ServerResource): Resource<KubeObject> {
  return { group, version, resource, kind, namespaced: true };
}
