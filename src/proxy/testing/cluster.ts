import { type core, type discovery, objectKey } from '#api';
import { serviceKeyOf } from '../informers.js';
import type { ClusterView } from '../state/desired-state.js';

/** A cluster as plain maps: what informers would hold. */
export class TestCluster implements ClusterView {
  readonly services = new Map<string, core.Service>();
  readonly slicesByName = new Map<string, discovery.EndpointSlice>();

  add(...objects: (core.Service | discovery.EndpointSlice)[]): this {
    for (const object of objects) {
      if ('addressType' in object) this.slicesByName.set(objectKey(object), object);
      else this.services.set(objectKey(object), object);
    }
    return this;
  }

  service(key: string): core.Service | undefined {
    return this.services.get(key);
  }

  slices(serviceKey: string): discovery.EndpointSlice[] {
    return [...this.slicesByName.values()].filter((slice) => serviceKeyOf(slice) === serviceKey);
  }

  serviceKeys(): Iterable<string> {
    return this.services.keys();
  }
}
