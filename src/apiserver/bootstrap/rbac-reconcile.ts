import { isAlreadyExists, type KubeObject, type rbac } from '#api';
import { uncovered } from '../authz/index.js';
import type { ServerDeps } from '../deps.js';
import { bootstrapPolicy } from './rbac-policy.js';

const AUTOUPDATE = 'rbac.authorization.kubernetes.io/autoupdate';

function isProtected(object: KubeObject): boolean {
  return object.metadata.annotations?.[AUTOUPDATE] === 'false';
}

/** Roles get the rules that they lack; what an administrator added stays. Undefined when nothing is missing. */
function completeRole<T extends rbac.ClusterRole>(have: T, want: T): T | undefined {
  if (isProtected(have)) return undefined;
  const missing = uncovered(have.rules ?? [], want.rules ?? []);
  const labels = { ...have.metadata.labels, ...want.metadata.labels };
  const sameLabels = Object.entries(labels).every(([key, value]) => have.metadata.labels?.[key] === value);
  const aggregation = want.aggregationRule !== undefined && have.aggregationRule === undefined;
  if (missing.length === 0 && sameLabels && !aggregation) return undefined;
  return {
    ...have,
    metadata: { ...have.metadata, labels },
    rules: [...(have.rules ?? []), ...missing],
    ...(aggregation ? { aggregationRule: want.aggregationRule } : {}),
  };
}

const subjectKey = (subject: rbac.Subject): string =>
  `${subject.kind}\n${subject.namespace ?? ''}\n${subject.name}`;

function completeBinding<T extends rbac.ClusterRoleBinding>(have: T, want: T): T | undefined {
  if (isProtected(have)) return undefined;
  const known = new Set((have.subjects ?? []).map(subjectKey));
  const missing = (want.subjects ?? []).filter((subject) => !known.has(subjectKey(subject)));
  if (missing.length === 0) return undefined;
  return { ...have, subjects: [...(have.subjects ?? []), ...missing] };
}

/**
 * Creates what is missing of the default policy and completes what is there, unless it says
 * `autoupdate: "false"` (upstream's reconciliation at start). One list per kind when nothing is to be done.
 */
export async function reconcilePolicy(deps: ServerDeps): Promise<void> {
  const policy = bootstrapPolicy();
  // Roles before bindings, so that nobody is bound to something that is not there.
  await Promise.all([
    reconcile(deps, 'rbac.v1.ClusterRole', policy.clusterRoles, completeRole),
    reconcile(deps, 'rbac.v1.Role', policy.roles, completeRole),
  ]);
  await Promise.all([
    reconcile(deps, 'rbac.v1.ClusterRoleBinding', policy.clusterRoleBindings, completeBinding),
    reconcile(deps, 'rbac.v1.RoleBinding', policy.roleBindings, completeBinding),
  ]);
}

async function reconcile<T extends KubeObject>(
  deps: ServerDeps,
  message: string,
  wanted: T[],
  complete: (have: T, want: T) => T | undefined,
): Promise<void> {
  const kind = deps.kind(message);
  const keyOf = ({ metadata }: T) => `${metadata.namespace ?? ''}/${metadata.name}`;
  const present = new Map((await deps.store.list<T>(kind)).map((object) => [keyOf(object), object]));
  const work = wanted.map(async (want) => {
    const have = present.get(keyOf(want));
    if (have === undefined) await createOnce(deps, message, want);
    else if (complete(have, want) !== undefined) {
      const { namespace = '', name = '' } = want.metadata;
      await deps.store.update<T>(kind, namespace, name, (object) => complete(object, want));
    }
  });
  await Promise.all(work);
}

/** What was created; undefined when another API server was faster, which is as good. */
export async function createOnce<T extends KubeObject>(
  deps: ServerDeps,
  message: string,
  object: T,
): Promise<T | undefined> {
  try {
    return await deps.store.create(deps.kind(message), object);
  } catch (error) {
    if (isAlreadyExists(error)) return undefined;
    throw error;
  }
}
