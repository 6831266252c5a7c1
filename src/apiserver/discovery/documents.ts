import { createHash } from 'node:crypto';
import {
  apiVersionOf,
  type GroupVersions,
  type KindInfo,
  type KindRegistry,
  subresourceInfo,
  verbsOf,
} from '#api';

type Plain = Record<string, unknown>;

/** The aggregated form (KEP-3352): every group of one root with its versions and resources. */
export function aggregatedDiscovery(kinds: KindRegistry, root: 'api' | 'apis', version: string): Plain {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groupsOf(kinds, root).map(({ group, versions }) => ({
      metadata: { ...(group === '' ? {} : { name: group }), creationTimestamp: null },
      versions: versions.map((v) => ({
        version: v,
        resources: kinds.inGroupVersion(group, v).map(aggregatedResource),
        freshness: 'Current',
      })),
    })),
  };
}

function aggregatedResource(kind: KindInfo): Plain {
  const { group, version, resource, namespaced, singular, shortNames, categories } = kind;
  return {
    resource,
    responseKind: { group, version, kind: kind.kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: verbsOf(kind),
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(kind.subresources.length > 0
      ? { subresources: kind.subresources.map((s) => aggregatedSub(kind, s)) }
      : {}),
  };
}

function aggregatedSub(kind: KindInfo, subresource: string): Plain {
  const { group, version, kind: name, verbs } = subresourceInfo(kind, subresource);
  return { subresource, responseKind: { group, version, kind: name }, verbs };
}

function groupsOf(kinds: KindRegistry, root: 'api' | 'apis'): GroupVersions[] {
  return kinds.groups().filter(({ group }) => (group === '') === (root === 'api'));
}

/** `/api`: the versions of the core group. */
export function apiVersions(kinds: KindRegistry, serverAddress: string): Plain {
  return {
    kind: 'APIVersions',
    versions: groupsOf(kinds, 'api').flatMap(({ versions }) => versions),
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** `/apis`: all named groups. */
export function apiGroupList(kinds: KindRegistry): Plain {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(kinds, 'apis').map(groupEntry) };
}

/** `/apis/<group>`; undefined for unknown groups. */
export function apiGroup(kinds: KindRegistry, group: string): Plain | undefined {
  const found = groupsOf(kinds, 'apis').find((g) => g.group === group);
  return found === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(found) };
}

function groupEntry({ group, versions }: GroupVersions): Plain {
  const entries = versions.map((version) => ({ groupVersion: apiVersionOf(group, version), version }));
  return { name: group, versions: entries, preferredVersion: entries[0] };
}

/** `/api/v1` and `/apis/<group>/<version>`; undefined when there is no such version. */
export function apiResourceList(kinds: KindRegistry, group: string, version: string): Plain | undefined {
  const found = kinds.inGroupVersion(group, version);
  if (found.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf(group, version),
    resources: found.flatMap((kind) => [
      resourceEntry(kind),
      ...kind.subresources.map((subresource) => subresourceEntry(kind, subresource)),
    ]),
  };
}

function resourceEntry(kind: KindInfo): Plain {
  const { resource, singular, namespaced, shortNames, categories } = kind;
  return {
    name: resource,
    singularName: singular,
    namespaced,
    kind: kind.kind,
    verbs: verbsOf(kind),
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(kind.virtual === true ? {} : { storageVersionHash: storageVersionHash(kind) }),
  };
}

function subresourceEntry(kind: KindInfo, subresource: string): Plain {
  const info = subresourceInfo(kind, subresource);
  const foreign = info.group !== kind.group || info.version !== kind.version;
  return {
    name: `${kind.resource}/${subresource}`,
    singularName: '',
    namespaced: kind.namespaced,
    ...(foreign ? { group: info.group, version: info.version } : {}),
    kind: info.kind,
    verbs: info.verbs,
  };
}

/** Upstream's hash of the stored kind (discovery.StorageVersionHash): eight bytes of SHA-256, base64. */
function storageVersionHash(kind: KindInfo): string {
  const { group, version, kind: name } = kind.storedAs ?? kind;
  return createHash('sha256')
    .update(`${group}/${version}/${name}`)
    .digest()
    .subarray(0, 8)
    .toString('base64');
}
