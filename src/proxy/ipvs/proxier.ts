import type { Clock, Logger } from '#base';
import {
  createDummyDevice,
  createIpset,
  createIptables,
  createIpvsadm,
  type IptablesBackend,
  ipvsService,
  type Programs,
} from '#host';
import type { ProxyConfig } from '../config/types.js';
import type { NodeSettings, Proxier, ServiceChange, SyncReport } from '../contract.js';
import { cidrContains, type Family, parseAddress, parseCidr } from '../state/addresses.js';
import type { DesiredService } from '../state/desired.js';
import { createSet, DEVICE, type SetName, setName, setNames } from './names.js';
import { checkIpvsSupport, prepareKernel } from './preflight.js';
import { fixedRules, jumps, restoreText } from './rules.js';
import { type KernelServer, KernelServers } from './servers.js';
import { type IpvsSettings, type ServiceFacts, serviceFacts, type VirtualServer } from './service-facts.js';
import { SharedFacts } from './shared-facts.js';

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
 * The ipvs mode: virtual servers in the kernel's own load balancer, with upstream's device, sets and chains. What the kernel
 * holds is known from one reading per full sync, so that a change costs one run of each program that has
 * something to change.
 */
export class IpvsProxier implements Proxier {
  readonly mode = 'ipvs';
  readonly family: Family;
  readonly #options: IpvsOptions;
  readonly #ipvsadm;
  readonly #ipset;
  readonly #device;
  readonly #iptables;
  readonly #services = new Map<string, ServiceFacts>();
  readonly #wanted = {
    servers: new SharedFacts<VirtualServer>(),
    entries: new SharedFacts<true>(),
    addresses: new SharedFacts<true>(),
    outFilter: new SharedFacts<true>(),
  };
  readonly #servers = new KernelServers();
  /** What the kernel holds: `set entry`, and addresses of the device. */
  #entries = new Set<string>();
  #addresses = new Set<string>();
  #settings: IpvsSettings | undefined;
  #lastCheck = 0;
  #isFresh = false;

  constructor(options: IpvsOptions) {
    const { family, programs, backend } = options;
    this.family = family;
    this.#options = options;
    this.#ipvsadm = createIpvsadm(programs);
    this.#ipset = createIpset(programs);
    this.#device = createDummyDevice(programs, DEVICE);
    this.#iptables = createIptables(programs, family === 'IPv4' ? 'ipv4' : 'ipv6', backend);
  }

  async preflight(): Promise<void> {
    const { programs, config, logger } = this.#options;
    await checkIpvsSupport(programs, this.family, config.ipvs.scheduler);
    await prepareKernel(programs, config.ipvs, logger);
  }

  async resync(services: Iterable<DesiredService>, settings: NodeSettings): Promise<SyncReport> {
    const { config, localAddresses } = this.#options;
    const ownAddresses = localAddresses().filter((text) => this.#isNodeAddress(text));
    this.#settings = { ...settings, scheduler: config.ipvs.scheduler, ownAddresses };
    this.#lastCheck = this.#options.clock.now();
    await this.#device.ensure();
    const missing = await this.#readKernel();
    const keep = new Set<string>();
    for (const service of services) {
      keep.add(service.key);
      this.#update(service.key, service);
    }
    for (const key of [...this.#services.keys()]) if (!keep.has(key)) this.#update(key, undefined);
    for (const facts of Object.values(this.#wanted)) facts.takeTouched();
    const operations = await this.#write(
      missing,
      [...this.#wanted.servers.keys(), ...this.#servers.keys()],
      [...this.#wanted.entries.keys(), ...this.#entries],
      [...this.#wanted.addresses.keys(), ...this.#addresses],
    );
    return { full: true, operations: operations + (await this.#writeRules(true)) };
  }

  async apply(changes: Iterable<ServiceChange>): Promise<SyncReport> {
    if (this.#settings === undefined) throw new Error('apply before a successful resync');
    for (const { key, desired } of changes) this.#update(key, desired);
    const { servers, entries, addresses, outFilter } = this.#wanted;
    const operations = await this.#write(
      [],
      servers.takeTouched(),
      entries.takeTouched(),
      addresses.takeTouched(),
    );
    const rules = outFilter.takeTouched().length > 0 ? await this.#writeRules(false) : 0;
    if (this.needsTidying && this.#options.clock.now() - this.#lastCheck > CHECK_MS) await this.tidy();
    return { full: false, operations: operations + rules };
  }

  get needsTidying(): boolean {
    return this.#servers.isDraining;
  }

  get tidyAfterMs(): number {
    return this.#isFresh ? FIRST_CHECK_MS : CHECK_MS;
  }

  /** Deletes the real servers that left and whose last connection has ended. */
  async tidy(): Promise<void> {
    this.#isFresh = false;
    this.#lastCheck = this.#options.clock.now();
    const busy = new Set<string>();
    for (const load of await this.#ipvsadm.loads()) {
      if (load.connections > 0) busy.add(`${ipvsService(load)} ${load.target}`);
    }
    const commands = this.#servers.finish((service, target) => busy.has(`${service} ${target}`));
    await this.#ipvsadm.restore(commands);
  }

  /** Replaces what a Service asks for. */
  #update(key: string, desired: DesiredService | undefined): void {
    const before = this.#services.get(key);
    const settings = this.#settings!;
    const after = desired === undefined ? undefined : serviceFacts(desired, settings);
    if (after === undefined) this.#services.delete(key);
    else this.#services.set(key, after);
    const { servers } = this.#wanted;
    for (const name of before?.servers.keys() ?? []) {
      if (after?.servers.has(name) !== true) servers.release(name, key);
    }
    for (const [name, server] of after?.servers ?? []) servers.claim(name, key, server);
    for (const kind of ['entries', 'addresses', 'outFilter'] as const) {
      for (const name of before?.[kind] ?? []) {
        if (after?.[kind].has(name) !== true) this.#wanted[kind].release(name, key);
      }
      for (const name of after?.[kind] ?? []) {
        if (before?.[kind].has(name) !== true) this.#wanted[kind].claim(name, key, true);
      }
    }
  }

  /** Brings these keys to what is wanted: sets first, then servers, then the addresses that lead packets there. */
  async #write(
    creations: readonly string[],
    services: Iterable<string>,
    entries: Iterable<string>,
    addresses: Iterable<string>,
  ): Promise<number> {
    const sets = [...creations, ...this.#entryCommands(new Set(entries))];
    const commands = [...new Set(services)].flatMap((service) =>
      this.#servers.change(service, this.#wanted.servers.get(service)),
    );
    this.#isFresh ||= this.#servers.isDraining;
    const { bind, unbind } = this.#addressChanges(new Set(addresses));
    await this.#ipset.restore(sets);
    await this.#ipvsadm.restore(commands);
    await this.#device.change(bind, unbind);
    return sets.length + commands.length + bind.length + unbind.length;
  }

  #entryCommands(names: ReadonlySet<string>): string[] {
    const commands: string[] = [];
    for (const name of names) {
      const isWanted = this.#wanted.entries.has(name);
      if (isWanted === this.#entries.has(name)) continue;
      const [set, entry] = name.split(' ') as [SetName, string];
      commands.push(`${isWanted ? 'add' : 'del'} ${setName(set, this.family)} ${entry}`);
      if (isWanted) this.#entries.add(name);
      else this.#entries.delete(name);
    }
    return commands;
  }

  #addressChanges(names: ReadonlySet<string>): { bind: string[]; unbind: string[] } {
    const wanted = this.#wanted.addresses;
    const bind = [...names].filter((name) => wanted.has(name) && !this.#addresses.has(name));
    const unbind = [...names].filter((name) => !wanted.has(name) && this.#addresses.has(name));
    for (const name of bind) this.#addresses.add(name);
    for (const name of unbind) this.#addresses.delete(name);
    return { bind, unbind };
  }

  /** All chains; the jumps to them only where a full sync finds one missing. */
  async #writeRules(full: boolean): Promise<number> {
    const missing = full ? await this.#missingJumps() : [];
    const text = restoreText(fixedRules(this.#settings!, this.#wanted.outFilter.keys()), missing);
    await this.#iptables.restore(text);
    return text.split('\n').length;
  }

  async #missingJumps() {
    const saved = { nat: await this.#iptables.save('nat'), filter: await this.#iptables.save('filter') };
    return jumps.filter(({ table, chain, rule }) => !saved[table].includes(`-A ${chain} ${rule}\n`));
  }

  /** Takes over what is there, of this family and not excluded; returns the commands that create missing sets. */
  async #readKernel(): Promise<string[]> {
    const [listed, sets, bound] = await Promise.all([
      this.#ipvsadm.list(),
      this.#ipset.save(),
      this.#device.addresses(this.family === 'IPv4' ? 4 : 6),
    ]);
    const servers = new Map<string, KernelServer>();
    for (const { targets, ...server } of listed) {
      if (this.#isOurs(server.address)) servers.set(ipvsService(server), { options: server, targets });
    }
    this.#servers.reset(servers);
    // The kernel gives an interface a link-local address by itself.
    this.#addresses = new Set([...bound].filter((address) => !address.startsWith('fe80:')));
    this.#entries = new Set();
    const missing: string[] = [];
    for (const name of setNames) {
      const saved = sets.get(setName(name, this.family));
      if (saved === undefined) missing.push(createSet(name, this.family));
      for (const entry of saved?.entries ?? []) this.#entries.add(`${name} ${entry}`);
    }
    return missing;
  }

  #isNodeAddress(text: string): boolean {
    return parseAddress(text)?.family === this.family && !text.startsWith('fe80:');
  }

  /** Virtual servers of the other family are the other proxier's; excluded ones belong to somebody else. */
  #isOurs(text: string): boolean {
    const address = parseAddress(text);
    if (address?.family !== this.family) return false;
    return !this.#options.config.ipvs.excludeCIDRs.some((cidr) => {
      const range = parseCidr(cidr);
      return range !== undefined && range.family === this.family && cidrContains(range, address);
    });
  }
}
