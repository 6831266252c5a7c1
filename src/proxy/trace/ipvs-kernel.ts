import { parseSave } from '#host';
import { IptTables } from './ipt-table.js';
import { TraceSyntaxError } from './tokens.js';

interface Server {
  options: string;
  targets: Map<string, number>;
}

const SERVICE = '(-t|-u|--sctp-service) (\\S+)';
const COMMANDS = {
  service: new RegExp(`^-([AED]) (${SERVICE})(?: (-s [a-z]+(?: -p \\d+)?(?: -b [a-z,-]+)?))?$`),
  target: new RegExp(`^-([aed]) (${SERVICE}) -r (\\S+)(?: -m -w (\\d+))?$`),
  set: /^create (\S+) ((?:hash|bitmap):\S+) /,
  entry: /^(add|del) (\S+) (\S+)$/,
  address: /^addr (add|del) (\S+)\/\d+ dev (\S+)(?: nodad)?$/,
};

/** What the kernel holds for the ipvs mode, after reading the inputs of its programs. Unknown words throw. */
export class IpvsKernel {
  readonly servers = new Map<string, Server>();
  readonly sets = new Map<string, { type: string; entries: Set<string> }>();
  /** Addresses of the dummy device. */
  readonly addresses = new Set<string>();
  readonly tables = new IptTables();

  /** Reads what `--dry-run` prints: each part under a line that names its program. */
  load(script: Iterable<string>): void {
    const parts = new Map<string, string[]>();
    let part: string[] = [];
    for (const line of script) {
      const program = /^# (\S+)/.exec(line)?.[1];
      if (program === undefined) part.push(line);
      else {
        part = [];
        parts.set(program, part);
      }
    }
    this.ipset(parts.get('ipset') ?? []);
    this.ipvsadm(parts.get('ipvsadm') ?? []);
    this.ip(parts.get('ip') ?? []);
    this.tables.restore((parts.get('iptables-restore') ?? []).join('\n'));
  }

  /** `ipvsadm --restore`: refuses what the kernel refuses. */
  ipvsadm(lines: Iterable<string>): void {
    for (const line of lines) {
      const service = COMMANDS.service.exec(line);
      const target = COMMANDS.target.exec(line);
      if (service !== null) this.#service(service[1]!, service[2]!, service[5], line);
      else if (target !== null) this.#target(target[1]!, target[2]!, target[5]!, target[6], line);
      else throw new TraceSyntaxError(`unknown ipvsadm command: ${line}`);
    }
  }

  /** `ipset restore -exist`. */
  ipset(lines: Iterable<string>): void {
    for (const line of lines) {
      if (/^destroy \S+$/.test(line)) {
        this.sets.delete(line.slice('destroy '.length));
        continue;
      }
      const created = COMMANDS.set.exec(line);
      if (created !== null) {
        this.sets.set(created[1]!, { type: created[2]!, entries: new Set() });
        continue;
      }
      const [, verb, name, entry] = COMMANDS.entry.exec(line) ?? [];
      const set = this.sets.get(name ?? '');
      if (set === undefined) throw new TraceSyntaxError(`unknown ipset command, or no such set: ${line}`);
      if (verb === 'add') set.entries.add(entry!);
      else set.entries.delete(entry!);
    }
  }

  /** `ip -force -batch -`. */
  ip(lines: Iterable<string>): void {
    for (const line of lines) {
      const [, verb, address] = COMMANDS.address.exec(line) ?? [];
      if (verb === undefined) throw new TraceSyntaxError(`unknown ip command: ${line}`);
      if (verb === 'add') this.addresses.add(address!);
      else this.addresses.delete(address!);
    }
  }

  /** `ipvsadm --save --numeric`. */
  save(): string {
    return [...this.servers]
      .flatMap(([service, { options, targets }]) => [
        `-A ${service} ${options}`,
        ...[...targets].map(([target, weight]) => `-a ${service} -r ${target} -m -w ${weight}`),
      ])
      .map((line) => `${line}\n`)
      .join('');
  }

  /** `ipset save`. */
  saveSets(): string {
    return [...this.sets]
      .flatMap(([name, { type, entries }]) => [
        `create ${name} ${type} family inet`,
        ...[...entries].map((entry) => `add ${name} ${entry}`),
      ])
      .map((line) => `${line}\n`)
      .join('');
  }

  /** The virtual server of a socket and its servers that take new connections. */
  find(protocol: string, address: string, port: number): string[] | undefined {
    const found = parseSave(this.save()).find(
      (server) => server.protocol === protocol && server.address === address && server.port === port,
    );
    if (found === undefined) return undefined;
    return [...found.targets].filter(([, weight]) => weight > 0).map(([target]) => target);
  }

  #service(verb: string, service: string, options: string | undefined, line: string): void {
    const server = this.servers.get(service);
    if ((verb === 'A') === (server !== undefined)) {
      throw new TraceSyntaxError(
        `the virtual server ${server === undefined ? 'is missing' : 'exists'}: ${line}`,
      );
    }
    if (verb === 'D') this.servers.delete(service);
    else this.servers.set(service, { options: options!, targets: server?.targets ?? new Map() });
  }

  #target(verb: string, service: string, target: string, weight: string | undefined, line: string): void {
    const targets = this.servers.get(service)?.targets;
    if (targets === undefined || (verb === 'a') === targets.has(target)) {
      throw new TraceSyntaxError(`the real server is there already, or missing: ${line}`);
    }
    if (verb === 'd') targets.delete(target);
    else targets.set(target, Number(weight));
  }
}
