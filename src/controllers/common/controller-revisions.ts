import { isDeepStrictEqual } from 'node:util';
import { type apps, type core, isAlreadyExists, type KubeObject } from '#api';
import { type Client, type Resource, Resources } from '#client';
import { computeHash } from './hash.js';
import { controllerReference } from './owners.js';

type Revision = apps.ControllerRevision;

/** A workload whose templates are kept as ControllerRevisions, and the label by which those tell their hash. */
export interface RevisionKind<T extends apps.DaemonSet | apps.StatefulSet> {
  resource: Resource<T>;
  hashLabel: string;
}

/** What a revision stores: the template, as a patch that `kubectl rollout undo` sends back. */
function dataOf(template: core.PodTemplateSpec): Record<string, unknown> {
  return { spec: { template: { ...template, $patch: 'replace' } } };
}

/** The template that a revision stores. */
export function templateOf({ data }: Revision): core.PodTemplateSpec {
  const { spec } = data as { spec: { template: core.PodTemplateSpec & { $patch?: string } } };
  const { $patch: _patch, ...template } = spec.template;
  return template;
}

/**
 * The hash of the current template, with its ControllerRevision in place: an equal one is raised to the
 * highest revision (a rollback), otherwise a new one is made (daemon/update.go, constructHistory).
 */
export async function currentRevision<T extends apps.DaemonSet | apps.StatefulSet>(
  client: Client,
  kind: RevisionKind<T>,
  owner: T,
  revisions: Revision[],
): Promise<{ hash: string; revision: Revision }> {
  const api = client.resource(Resources.controllerRevisions);
  const { template } = owner.spec!;
  const data = dataOf(template);
  const last = Math.max(0, ...revisions.map((each) => each.revision));
  const equal = revisions.filter((each) => isDeepStrictEqual(each.data, data));
  const found = equal.sort((a, b) => b.revision - a.revision)[0];
  if (found !== undefined) {
    const hash = found.metadata.labels?.[kind.hashLabel] ?? '';
    if (found.revision === last) return { hash, revision: found };
    return { hash, revision: await api.update({ ...found, revision: last + 1 }) };
  }
  const hash = computeHash(template, owner.status?.collisionCount);
  const { name, namespace } = owner.metadata;
  const wanted: Revision = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels: { ...template.metadata?.labels, [kind.hashLabel]: hash },
      ...(owner.metadata.annotations === undefined ? {} : { annotations: withoutApplied(owner) }),
      ownerReferences: [controllerReference(owner, kind.resource)],
    },
    data,
    revision: last + 1,
  };
  try {
    return { hash, revision: await api.create(wanted) };
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const existing = await api.get(wanted.metadata.name!, namespace);
    if (!isDeepStrictEqual(existing.data, data)) throw new HashCollision();
    return { hash, revision: existing };
  }
}

/** Another template has the same hash: collisionCount has to grow. */
export class HashCollision extends Error {
  constructor() {
    super('hash collision between two templates');
    this.name = 'HashCollision';
  }
}

function withoutApplied({ metadata }: KubeObject): Record<string, string> {
  const { 'kubectl.kubernetes.io/last-applied-configuration': _applied, ...rest } =
    metadata.annotations ?? {};
  return rest;
}

/** Revisions beyond the limit that are neither current nor a Pod's, oldest first. */
export function expiredRevisions(
  revisions: Revision[],
  limit: number,
  current: Revision[],
  isInUse: (revision: Revision) => boolean,
): Revision[] {
  const names = new Set(current.map((each) => each.metadata.name));
  const old = revisions.filter((each) => !names.has(each.metadata.name));
  const unused = old.filter((each) => !isInUse(each));
  const surplus = Math.max(0, old.length - limit);
  return unused.sort((a, b) => a.revision - b.revision).slice(0, surplus);
}
