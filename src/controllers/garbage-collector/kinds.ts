import { type KubeObject, type meta, parseApiVersion } from '#api';
import type { Client, Informer, InformerFactory, Resource } from '#client';
import { trimmedInformer } from '../deps.js';

type ServerResource = Awaited<ReturnType<Client['serverResources']>>[number];

/** Kinds that other controllers cache anyway: the collector reads the same informers. */
const SHARED = new Set([
  '/pods',
  '/services',
  '/endpoints',
  '/nodes',
  '/namespaces',
  '/serviceaccounts',
  '/replicationcontrollers',
  'apps/deployments',
  'apps/replicasets',
  'apps/daemonsets',
  'apps/controllerrevisions',
  'networking.k8s.io/servicecidrs',
  'networking.k8s.io/ipaddresses',
  'discovery.k8s.io/endpointslices',
]);
/** Never owned by anything, and many. */
const IGNORED = new Set(['/events', 'events.k8s.io/events']);

/** Kinds whose objects can own and be owned, each once whatever versions it is served in. */
export function collectableKinds(resources: ServerResource[]): Resource<KubeObject>[] {
  const kinds = new Map<string, Resource<KubeObject>>();
  for (const { group, version, resource, kind, namespaced, verbs } of resources) {
    const name = `${group}/${resource}`;
    const usable = ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb));
    if (!usable || IGNORED.has(name) || kinds.has(name)) continue;
    kinds.set(name, { group, version, resource, kind, namespaced });
  }
  return [...kinds.values()];
}

/** An informer of which only metadata is read: nothing else is cached, unless somebody else needs it. */
export function metadataInformer(
  informers: InformerFactory,
  kind: Resource<KubeObject>,
): Informer<KubeObject> {
  if (SHARED.has(`${kind.group}/${kind.resource}`)) return trimmedInformer(informers, kind);
  return informers.informer(kind, { transform: metadataOnly });
}

function metadataOnly(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, deletionTimestamp, ownerReferences, finalizers } =
    object.metadata;
  return {
    metadata: {
      ...{ name, namespace, uid, resourceVersion },
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
      ...(finalizers === undefined ? {} : { finalizers }),
    },
  };
}

/** The resource that an owner reference names, of the kinds that are served. */
export function resolveOwner(
  kinds: Resource<KubeObject>[],
  reference: meta.OwnerReference,
): Resource<KubeObject> | undefined {
  const { group } = parseApiVersion(reference.apiVersion);
  return kinds.find((kind) => kind.group === group && kind.kind === reference.kind);
}
