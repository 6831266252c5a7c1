import type { KubeObject } from '#api';
import type { Strategy } from '../contracts.js';

/** An object with a status that the generic registry keeps apart: dropped at creation, written through /status. */
export interface WithStatus extends KubeObject {
  status?: unknown;
}

/** A new object starts with this status, which Go would write even though every field in it is zero. */
export function startsWith<T extends WithStatus>(status: (object: T) => T['status']): Strategy<T> {
  return {
    prepareForCreate(_context, object) {
      object.status = status(object);
    },
  };
}
