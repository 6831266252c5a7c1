import type { DesiredService } from '../state/desired.js';
import { paced } from '../state/paced.js';
import { type IpvsSettings, type ServiceFacts, serviceFacts, type VirtualServer } from './service-facts.js';
import { SharedFacts } from './shared-facts.js';

/** What all Services together ask of the kernel. */
export class WantedState {
  readonly servers = new SharedFacts<VirtualServer>();
  readonly entries = new SharedFacts<true>();
  readonly addresses = new SharedFacts<true>();
  readonly outFilter = new SharedFacts<true>();
  readonly #services = new Map<string, ServiceFacts>();

  /** Replaces what all Services ask for; afterwards nothing counts as touched. */
  async replace(services: Iterable<DesiredService>, settings: IpvsSettings): Promise<void> {
    const gone = new Set(this.#services.keys());
    for await (const service of paced(services)) {
      gone.delete(service.key);
      this.update(service.key, service, settings);
    }
    for await (const key of paced(gone)) this.update(key, undefined, settings);
    for (const kind of ['servers', 'entries', 'addresses', 'outFilter'] as const) this[kind].takeTouched();
  }

  /** Replaces what one Service asks for. */
  update(key: string, desired: DesiredService | undefined, settings: IpvsSettings): void {
    const before = this.#services.get(key);
    const after = desired === undefined ? undefined : serviceFacts(desired, settings);
    if (after === undefined) this.#services.delete(key);
    else this.#services.set(key, after);
    for (const name of before?.servers.keys() ?? []) {
      if (after?.servers.has(name) !== true) this.servers.release(name, key);
    }
    for (const [name, server] of after?.servers ?? []) this.servers.claim(name, key, server);
    for (const kind of ['entries', 'addresses', 'outFilter'] as const) {
      for (const name of before?.[kind] ?? []) {
        if (after?.[kind].has(name) !== true) this[kind].release(name, key);
      }
      for (const name of after?.[kind] ?? []) {
        if (before?.[kind].has(name) !== true) this[kind].claim(name, key, true);
      }
    }
  }
}
