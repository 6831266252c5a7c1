import type { FakeCall } from '#host/testing';
import { FakePrograms } from '#host/testing';
import { IpvsKernel } from '../trace/ipvs-kernel.js';

const inputLines = (input: string) => input.split('\n').filter((line) => line !== '');

/** Programs with simulated ipvsadm, ipset, ip and iptables (IPv4), on one kernel. */
export class IpvsPrograms extends FakePrograms {
  readonly kernel = new IpvsKernel();
  hasDevice = false;
  /** Connections that `ipvsadm --list` reports, by `service words target`. */
  readonly connections = new Map<string, number>();
  /** Inputs of programs that change something, oldest first, as `program: line`. */
  changes: string[] = [];
  /** Set to what ipvsadm says where the kernel has no ip_vs. */
  refusal: string | undefined;

  constructor() {
    super();
    this.onRun = (call) => {
      try {
        return this.#run(call);
      } catch (error) {
        return { code: 255, stderr: String(error) };
      }
    };
  }

  #run(call: FakeCall) {
    const { file } = call;
    if (file === 'ipvsadm') return this.#ipvsadm(call);
    if (file === 'ipset') return this.#ipset(call);
    if (file === 'ip') return this.#ip(call);
    if (file === 'iptables-save') return { stdout: this.kernel.tables.save(call.args[1]!) };
    if (file === 'iptables-restore') {
      this.kernel.tables.restore(call.input);
      this.#record(call);
    }
    return {};
  }

  #record({ file, input }: FakeCall): void {
    this.changes.push(...inputLines(input).map((line) => `${file}: ${line}`));
  }

  #ipvsadm(call: FakeCall) {
    if (this.refusal !== undefined) return { code: 2, stderr: this.refusal };
    if (call.args[0] === '--save') return { stdout: this.kernel.save() };
    if (call.args.includes('--stats')) return { stdout: this.#statistics() };
    if (call.args[0] === '--list') return { stdout: this.#listing() };
    if (call.args[0] !== '--restore') return {};
    this.kernel.ipvsadm(inputLines(call.input));
    this.#record(call);
    return {};
  }

  #listing(): string {
    const names: Record<string, string> = { '-t': 'TCP', '-u': 'UDP', '--sctp-service': 'SCTP' };
    const lines = ['IP Virtual Server version 1.2.1 (size=4096)', 'Prot LocalAddress:Port Scheduler Flags'];
    for (const [service, { targets }] of this.kernel.servers) {
      const [flag, socket] = service.split(' ');
      lines.push(`${names[flag!]}  ${socket} rr`);
      for (const [target, weight] of targets) {
        const open = this.connections.get(`${service} ${target}`) ?? 0;
        lines.push(`  -> ${target}   Masq    ${weight}      ${open}          0`);
      }
    }
    return `${lines.join('\n')}\n`;
  }

  #statistics(): string {
    return this.#listing().replace(/^( {2}-> \S+) +Masq +\d+ +(\d+) .*$/gm, '$1  $2 0 0 0 0');
  }

  #ipset(call: FakeCall) {
    if (call.args[0] === '--version') return { stdout: 'ipset v7.17, protocol version: 7\n' };
    if (call.args[0] === 'save') return { stdout: this.kernel.saveSets() };
    if (call.args[0] === 'list') {
      const lines = [...this.kernel.sets].map(
        ([name, { entries }]) => `Name: ${name}\nType: any\nNumber of entries: ${entries.size}\n`,
      );
      return { stdout: lines.join('\n') };
    }
    this.kernel.ipset(inputLines(call.input));
    this.#record(call);
    return {};
  }

  #ip(call: FakeCall) {
    const words = call.args.join(' ');
    if (words.includes('link show')) return { code: this.hasDevice ? 0 : 1 };
    if (words.startsWith('link add')) this.hasDevice = true;
    if (words.startsWith('link del')) {
      this.hasDevice = false;
      this.kernel.addresses.clear();
    }
    if (words.includes('addr show')) {
      const lines = [...this.kernel.addresses].map(
        (address) => `3: kube-ipvs0    inet ${address}/32 scope global kube-ipvs0`,
      );
      return { stdout: `${lines.join('\n')}\n` };
    }
    if (words.includes('-batch')) {
      this.kernel.ip(inputLines(call.input));
      this.#record(call);
    }
    return {};
  }
}
