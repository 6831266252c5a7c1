import type { Clock, Logger } from '#base';
import { type IptablesBackend, ipvsService, type Programs } from '#host';
import type { ProxyConfig } from '../config/types.js';
import type {
  ConnectionCount,
  CountDetail,
  NodeSettings,
  Proxier,
  ServiceChange,
  SyncReport,
} from '../contract.js';
import type { Family } from '../state/addresses.js';
import type { DesiredService } from '../state/desired.js';
import { connectionsOf } from './connections.js';
import { Kernel, type Keys } from './kernel.js';
import { checkIpvsSupport, prepareKernel } from './preflight.js';
import { fixedRules } from './rules.js';
import type { IpvsSettings } from './service-facts.js';
import { WantedState } from './wanted.js';
import { watchState } from './watch.js';

export interface IpvsOptions {
  family: Family;
  programs: Programs;
  logger: Logger;
  clock: Clock;
  config: ProxyConfig;
  /** Addresses of the node's interfaces; the device of this mode, which is down, is none of them. */
  localAddresses: () => string[];
  backend?: IptablesBackend | undefined;
}

/** A server without connections is deleted this soon after it left; one with connections is looked at every minute. */
const FIRST_CHECK_MS = 1500;
const CHECK_MS = 60_000;

/**
 * The ipvs mode: virtual servers in the kernel's own load balancer, with upstream's device, sets and chains. What the
 * kernel holds is known from one reading per full sync, so that a change costs one run of each program that has
 * something to change.
 */
export class IpvsProxier implements Proxier {
  readonly mode = 'ipvs';
  readonly family: Family;
  readonly #options: IpvsOptions;
  readonly #kernel: Kernel;
  readonly #wanted = new WantedState();
  #settings: IpvsSettings | undefined;
  /** Calls that change the kernel: how many have begun, and how many have not ended. */
  #writes = { begun: 0, running: 0 };
  #lastCheck = 0;
  /** Something has begun to drain since the last check. */
  #isFresh = false;

  constructor(options: IpvsOptions) {
    const { family, programs, config, backend } = options;
    this.family = family;
    this.#options = options;
    this.#kernel = new Kernel(programs, family, config.ipvs.excludeCIDRs, backend);
  }

  async preflight(): Promise<void> {
    const { programs, config, logger } = this.#options;
    await checkIpvsSupport(programs, this.family, config.ipvs.scheduler);
    await prepareKernel(programs, config.ipvs, logger);
  }

  resync(services: Iterable<DesiredService>, settings: NodeSettings): Promise<SyncReport> {
    return this.#writing(async () => {
      const { config, localAddresses, clock } = this.#options;
      const ownAddresses = localAddresses().filter((text) => this.#kernel.isNodeAddress(text));
      this.#settings = { ...settings, scheduler: config.ipvs.scheduler, ownAddresses };
      this.#lastCheck = clock.now();
      await this.#kernel.read();
      await this.#wanted.replace(services, this.#settings);
      const { servers, entries, addresses } = this.#wanted;
      const there = this.#kernel.keys;
      const operations = await this.#write({
        servers: [...servers.keys(), ...there.servers],
        entries: [...entries.keys(), ...there.entries],
        addresses: [...addresses.keys(), ...there.addresses],
      });
      return { full: true, operations: operations + (await this.#writeRules(true)) };
    });
  }

  apply(changes: Iterable<ServiceChange>): Promise<SyncReport> {
    const settings = this.#settings;
    if (settings === undefined) throw new Error('apply before a successful resync');
    return this.#writing(async () => {
      for (const { key, desired } of changes) this.#wanted.update(key, desired, settings);
      const { servers, entries, addresses, outFilter } = this.#wanted;
      const operations = await this.#write({
        servers: servers.takeTouched(),
        entries: entries.takeTouched(),
        addresses: addresses.takeTouched(),
      });
      const rules = outFilter.takeTouched().length > 0 ? await this.#writeRules(false) : 0;
      // Without a pause between changes nobody calls `tidy`.
      if (this.needsTidying && this.#options.clock.now() - this.#lastCheck > CHECK_MS) await this.tidy();
      return { full: false, operations: operations + rules };
    });
  }

  get needsTidying(): boolean {
    return this.#kernel.servers.draining > 0;
  }

  get tidyAfterMs(): number {
    return this.#isFresh ? FIRST_CHECK_MS : CHECK_MS;
  }

  /** Deletes the real servers that left and whose last connection has ended. */
  tidy(): Promise<void> {
    return this.#writing(async () => {
      const { servers, ipvsadm } = this.#kernel;
      this.#isFresh = false;
      this.#lastCheck = this.#options.clock.now();
      const busy = new Set<string>();
      for (const load of await ipvsadm.loads()) {
        if (load.connections > 0) busy.add(`${ipvsService(load)} ${load.target}`);
      }
      await ipvsadm.restore(servers.finish((service, target) => busy.has(`${service} ${target}`)));
    });
  }

  async connectionCounts(detail: CountDetail): Promise<ConnectionCount[]> {
    const totals = await this.#kernel.ipvsadm.totals();
    return connectionsOf(totals, (service) => this.#wanted.servers.get(service), detail);
  }

  async watchForeignChanges(onChange: (what: string) => void): Promise<() => Promise<void>> {
    const { clock, logger, config } = this.#options;
    const look = async () => {
      const { begun } = this.#writes;
      const found = await this.#kernel.found();
      const isQuiet = this.#writes.begun === begun && this.#writes.running === 0;
      return isQuiet ? { found, expected: this.#kernel.expected } : undefined;
    };
    return watchState({ clock, logger, periodMs: config.ipvs.syncPeriodMs, look, onChange });
  }

  async #writing<T>(work: () => Promise<T>): Promise<T> {
    this.#writes.begun++;
    this.#writes.running++;
    return await work().finally(() => this.#writes.running--);
  }

  async #write(keys: Keys): Promise<number> {
    const drained = this.#kernel.servers.draining;
    const operations = await this.#kernel.write(keys, this.#wanted);
    this.#isFresh ||= this.#kernel.servers.draining > drained;
    return operations;
  }

  #writeRules(withJumps: boolean): Promise<number> {
    const rules = fixedRules(this.#settings!, this.#wanted.outFilter.keys());
    return this.#kernel.writeRules(rules, withJumps);
  }
}
