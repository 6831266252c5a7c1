import type { KubeObject } from '#api';
import { controllerOf } from './owners.js';

/** Name of the informer index by managing owner; several controllers add it to the same informers. */
export const BY_CONTROLLER = 'controllers/controller';

/** Index values: the UID of the managing owner, or the namespace's orphans. */
export function byController(object: KubeObject): string[] {
  return [controllerOf(object)?.uid ?? orphansOf(object.metadata.namespace)];
}

/** Index value of the objects of a namespace that nobody manages. */
export function orphansOf(namespace: string | undefined): string {
  return `orphans/${namespace ?? ''}`;
}
