import type { KubeObject } from '#api';
import type { Clock } from '#base';
import { applyConfiguration, trackUpdate } from './kind-api.js';
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
    trackUpdate(resource.kind, live, object, {
      manager: call.fieldManager,
      subresource: call.subresource,
      time: timestamp(this.#clock.now()),
    });
  }

  /** Merges an apply configuration; throws Conflict when others own fields that it changes and `force` is false. */
  apply(
    resource: Resource,
    call: WriteCall,
    live: KubeObject | undefined,
    configuration: KubeObject,
    force: boolean,
  ): KubeObject {
    return applyConfiguration(resource.kind, live, configuration, {
      manager: call.fieldManager,
      subresource: call.subresource,
      time: timestamp(this.#clock.now()),
      force,
    });
  }
}
