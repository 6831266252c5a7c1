import { isDeepStrictEqual } from 'node:util';
import { type apps, isAlreadyExists } from '#api';
import { type Client, Resources } from '#client';
import { computeHash } from '../common/hash.js';
import { controllerReference } from '../common/owners.js';
import { REVISION_HASH } from './plan.js';

type Revision = apps.ControllerRevision;

/** What a revision stores: the template, as a patch that `kubectl rollout undo` sends back. */
function dataOf(daemonSet: apps.DaemonSet): Record<string, unknown> {
  return { spec: { template: { ...daemonSet.spec!.template, $patch: 'replace' } } };
}

/**
 * The hash of the current template, with its ControllerRevision in place: an equal one is raised to the
 * highest revision (a rollback), otherwise a new one is made (daemon/update.go, constructHistory).
 */
export async function currentRevision(
  client: Client,
  daemonSet: apps.DaemonSet,
  revisions: Revision[],
): Promise<{ hash: string; revision: Revision }> {
  const api = client.resource(Resources.controllerRevisions);
  const data = dataOf(daemonSet);
  const last = Math.max(0, ...revisions.map((each) => each.revision));
  const equal = revisions.filter((each) => isDeepStrictEqual(each.data, data));
  const found = equal.sort((a, b) => b.revision - a.revision)[0];
  if (found !== undefined) {
    const hash = found.metadata.labels?.[REVISION_HASH] ?? '';
    if (found.revision === last) return { hash, revision: found };
    return { hash, revision: await api.update({ ...found, revision: last + 1 }) };
  }
  const hash = computeHash(daemonSet.spec!.template, daemonSet.status?.collisionCount);
  const { name, namespace } = daemonSet.metadata;
  const wanted: Revision = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels: { ...daemonSet.spec!.template.metadata?.labels, [REVISION_HASH]: hash },
      ...(daemonSet.metadata.annotations === undefined ? {} : { annotations: withoutApplied(daemonSet) }),
      ownerReferences: [controllerReference(daemonSet, Resources.daemonSets)],
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

function withoutApplied(daemonSet: apps.DaemonSet): Record<string, string> {
  const { 'kubectl.kubernetes.io/last-applied-configuration': _applied, ...rest } =
    daemonSet.metadata.annotations ?? {};
  return rest;
}

/** Revisions beyond the limit that no Pod is of, oldest first. */
export function expiredRevisions(
  revisions: Revision[],
  limit: number,
  current: string,
  inUse: Set<string>,
): Revision[] {
  const old = revisions.filter((each) => each.metadata.labels?.[REVISION_HASH] !== current);
  const unused = old.filter((each) => !inUse.has(each.metadata.labels?.[REVISION_HASH] ?? ''));
  const surplus = Math.max(0, old.length - limit);
  return unused.sort((a, b) => a.revision - b.revision).slice(0, surplus);
}
