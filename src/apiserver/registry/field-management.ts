import { applyObject, type FieldWriter, type KubeObject, updateManagedFields } from '#api';
import type { Clock } from '#base';
import { timestamp } from './names.js';
import type { Resource } from './resource.js';
import type { WriteCall } from './write-call.js';

/** Who set which field: keeps metadata.managedFields through updates and server-side apply. */
export class FieldManagement {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Records in `object` what this call changed against `live` (undefined at creation). Edits `object`. */
  track(resource: Resource, call: WriteCall, live: KubeObject | undefined, object: KubeObject): void {
    const managedFields = updateManagedFields(this.#writer(resource, call), object, live);
    if (managedFields.length === 0) delete object.metadata.managedFields;
    else object.metadata.managedFields = managedFields;
  }

  /**
   * Merges an apply configuration, as the client wrote it, into `live`; throws Conflict when others own fields
   * that it changes and `force` is false. The answer may share parts with `live`.
   */
  apply(
    resource: Resource,
    call: WriteCall,
    live: KubeObject | undefined,
    configuration: object,
    force: boolean,
  ): KubeObject {
    return applyObject({ ...this.#writer(resource, call), force }, configuration, live).object;
  }

  #writer(resource: Resource, call: WriteCall): FieldWriter {
    return {
      kind: resource.kind,
      manager: call.fieldManager,
      subresource: call.subresource,
      time: timestamp(this.#clock.now()),
    };
  }
}
