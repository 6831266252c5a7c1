import { objectKey } from '#api';
import { serviceKeyOf } from '../informers.js';
import type { Edit } from './arbitrary.js';
import type { TestCluster } from './cluster.js';

/** Applies an edit; returns the Service that it concerns. */
export function applyEdit(cluster: TestCluster, edit: Edit): string {
  if (edit.kind === 'service') {
    cluster.services.set(objectKey(edit.object), edit.object);
    return objectKey(edit.object);
  }
  if (edit.kind === 'slice') {
    cluster.slicesByName.set(objectKey(edit.object), edit.object);
    return serviceKeyOf(edit.object)!;
  }
  if (edit.kind === 'delete-service') {
    cluster.services.delete(edit.name);
    return edit.name;
  }
  cluster.slicesByName.delete(edit.name);
  return edit.name.replace(/-\d$/, '');
}
