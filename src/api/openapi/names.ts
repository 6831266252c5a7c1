import type { GroupVersionKind } from '../object.js';
import { deleteOptionsKind, subresourceKinds } from '../schema/kinds.js';
import type { KindRegistry } from '../schema/registry.js';

/** `io.k8s.api.core.v1.Service` for `core.v1.Service`: the names upstream publishes. */
export function definitionName(message: string): string {
  if (message.startsWith('meta.v1.')) return `io.k8s.apimachinery.pkg.apis.${message}`;
  if (message.startsWith('apiextensions.v1.')) return `io.k8s.apiextensions-apiserver.pkg.apis.${message}`;
  return `io.k8s.api.${message}`;
}

/** Kinds that each message is published as, lists included. */
export function kindsByMessage(kinds: KindRegistry): Map<string, GroupVersionKind[]> {
  const found = new Map<string, GroupVersionKind[]>();
  const add = (message: string, gvk: GroupVersionKind) => {
    const known = found.get(message);
    if (known === undefined) found.set(message, [gvk]);
    else known.push(gvk);
  };
  for (const { message, group, version, kind, virtual } of kinds) {
    add(message, { group, version, kind });
    if (!virtual) add(`${message}List`, { group, version, kind: `${kind}List` });
  }
  for (const { message, group, version, kind } of subresourceKinds) add(message, { group, version, kind });
  for (const { group, versions } of kinds.groups()) {
    for (const version of versions) add(deleteOptionsKind.message, { group, version, kind: 'DeleteOptions' });
  }
  add('meta.v1.Status', { group: '', version: 'v1', kind: 'Status' });
  return found;
}
