import {
  createDummyDevice,
  createIpset,
  createIptables,
  createIpvsadm,
  type IptablesBackend,
  ipvsService,
  type Programs,
} from '#host';
import { type Cidr, cidrContains, type Family, parseAddress, parseCidr } from '../state/addresses.js';
import { paced } from '../state/paced.js';
import { createSet, DEVICE, type SetName, setName, setNames } from './names.js';
import { type Jump, jumps, restoreText } from './rules.js';
import { type KernelServer, KernelServers } from './servers.js';
import type { WantedState } from './wanted.js';
import type { Sizes } from './watch.js';

/** Which virtual servers, set entries and addresses to look at. */
export interface Keys {
  readonly servers: Iterable<string>;
  readonly entries: Iterable<string>;
  readonly addresses: Iterable<string>;
}

/** What the kernel holds for one family, as last read and changed since; and the programs that change it. */
export class Kernel {
  readonly servers = new KernelServers();
  readonly ipvsadm;
  readonly #family: Family;
  readonly #excluded: readonly Cidr[];
  readonly #ipset;
  readonly #device;
  readonly #iptables;
  /** `set entry`, and addresses of the device. */
  #entries = new Set<string>();
  #addresses = new Set<string>();
  #missingSets: string[] = [];
  /** Servers that the kernel holds for others. */
  #foreignServers = 0;

  constructor(
    programs: Programs,
    family: Family,
    excludeCIDRs: readonly string[],
    backend?: IptablesBackend,
  ) {
    this.#family = family;
    this.#excluded = excludeCIDRs.map(parseCidr).filter((cidr) => cidr?.family === family) as Cidr[];
    this.ipvsadm = createIpvsadm(programs);
    this.#ipset = createIpset(programs);
    this.#device = createDummyDevice(programs, DEVICE);
    this.#iptables = createIptables(programs, family === 'IPv4' ? 'ipv4' : 'ipv6', backend);
  }

  get #inet(): 4 | 6 {
    return this.#family === 'IPv4' ? 4 : 6;
  }

  /** Everything that is there and ours. */
  get keys(): Keys {
    return { servers: this.servers.keys(), entries: this.#entries, addresses: this.#addresses };
  }

  /** Takes over what is there, of this family and not excluded. */
  async read(): Promise<void> {
    await this.#device.ensure();
    const [listed, sets, bound] = await Promise.all([
      this.ipvsadm.list(),
      this.#ipset.save(),
      this.#device.addresses(this.#inet),
    ]);
    const servers = new Map<string, KernelServer>();
    this.#foreignServers = 0;
    for (const { targets, ...server } of listed) {
      if (this.#isOurs(server.address)) servers.set(ipvsService(server), { options: server, targets });
      else if (this.isNodeAddress(server.address)) this.#foreignServers += 1 + targets.size;
    }
    this.servers.reset(servers);
    this.#addresses = new Set([...bound].filter((address) => this.isNodeAddress(address)));
    this.#entries = new Set();
    this.#missingSets = setNames.flatMap((name) => {
      const saved = sets.get(setName(name, this.#family));
      for (const entry of saved?.entries ?? []) this.#entries.add(`${name} ${entry}`);
      return saved === undefined ? [createSet(name, this.#family)] : [];
    });
  }

  /**
   * Brings these keys to what is wanted: sets first, then servers, then the addresses that lead packets there. Returns
   * how many commands that took.
   */
  async write(keys: Keys, wanted: WantedState): Promise<number> {
    const sets = this.#missingSets.splice(0);
    for await (const name of paced(new Set(keys.entries))) sets.push(...this.#entryCommands(name, wanted));
    const commands: string[] = [];
    for await (const service of paced(new Set(keys.servers))) {
      commands.push(...this.servers.change(service, wanted.servers.get(service)));
    }
    const { bind, unbind } = this.#addressChanges(new Set(keys.addresses), wanted);
    await this.#ipset.restore(sets);
    await this.ipvsadm.restore(commands);
    await this.#device.change(bind, unbind);
    return sets.length + commands.length + bind.length + unbind.length;
  }

  /** Writes all chains and, if asked to, the jumps that are missing. */
  async writeRules(rules: Parameters<typeof restoreText>[0], withJumps: boolean): Promise<number> {
    const text = restoreText(rules, withJumps ? await this.#missingJumps() : []);
    await this.#iptables.restore(text);
    return text.split('\n').length;
  }

  /** How much of everything there is now. */
  async found(): Promise<Sizes> {
    if (!(await this.#device.exists())) return {};
    const servers = await this.ipvsadm.size(this.#inet);
    const bound = await this.#device.addresses(this.#inet);
    const sets = Object.fromEntries(await this.#ipset.sizes());
    const { length: missing } = await this.#missingJumps();
    return { servers, addresses: [...bound].filter((a) => this.isNodeAddress(a)).length, missing, ...sets };
  }

  /** How much of everything there should be. */
  get expected(): Sizes {
    const sets = Object.fromEntries(setNames.map((name) => [setName(name, this.#family), 0]));
    for (const name of this.#entries) {
      const set = setName(name.slice(0, name.indexOf(' ')) as SetName, this.#family);
      sets[set] = sets[set]! + 1;
    }
    const servers = this.servers.size + this.#foreignServers;
    return { servers, addresses: this.#addresses.size, missing: 0, ...sets };
  }

  /** Of this family, and not one that the kernel gives to interfaces by itself. */
  isNodeAddress(text: string): boolean {
    return parseAddress(text)?.family === this.#family && !text.startsWith('fe80:');
  }

  /** Virtual servers of the other family are the other proxier's; excluded ones belong to somebody else. */
  #isOurs(text: string): boolean {
    const address = parseAddress(text);
    if (address?.family !== this.#family) return false;
    return !this.#excluded.some((range) => cidrContains(range, address));
  }

  #entryCommands(name: string, wanted: WantedState): string[] {
    const isWanted = wanted.entries.has(name);
    if (isWanted === this.#entries.has(name)) return [];
    if (isWanted) this.#entries.add(name);
    else this.#entries.delete(name);
    const [set, entry] = name.split(' ') as [SetName, string];
    return [`${isWanted ? 'add' : 'del'} ${setName(set, this.#family)} ${entry}`];
  }

  #addressChanges(names: ReadonlySet<string>, wanted: WantedState): { bind: string[]; unbind: string[] } {
    const isWanted = (name: string) => wanted.addresses.has(name);
    const bind = [...names].filter((name) => isWanted(name) && !this.#addresses.has(name));
    const unbind = [...names].filter((name) => !isWanted(name) && this.#addresses.has(name));
    for (const name of bind) this.#addresses.add(name);
    for (const name of unbind) this.#addresses.delete(name);
    return { bind, unbind };
  }

  async #missingJumps(): Promise<Jump[]> {
    const saved = { nat: await this.#iptables.save('nat'), filter: await this.#iptables.save('filter') };
    return jumps.filter(({ table, chain, rule }) => !saved[table].includes(`-A ${chain} ${rule}\n`));
  }
}
