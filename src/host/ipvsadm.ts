import { check, ProgramError, type Programs } from './programs.js';

export type IpvsProtocol = 'tcp' | 'udp' | 'sctp';

/** What a virtual server is addressed by. */
export interface IpvsAddress {
  readonly protocol: IpvsProtocol;
  readonly address: string;
  readonly port: number;
}

/** How a virtual server behaves. */
export interface IpvsOptions {
  /** Kernel name: rr, wrr, lc, … */
  readonly scheduler: string;
  /** Scheduler flags as ipvsadm writes them, e.g. `mh-port`; empty without. */
  readonly flags: string;
  /** Seconds for which a client stays with its real server; 0 without persistence. */
  readonly persistence: number;
}

/** A real server: where connections end, always through NAT ("masquerading" in IPVS's words). */
export interface IpvsTarget {
  readonly address: string;
  readonly port: number;
}

export interface IpvsServer extends IpvsAddress, IpvsOptions {
  /** `address:port` (as `socketText` writes it) → weight. */
  readonly targets: Map<string, number>;
}

/** Connections of one real server, or of a whole virtual server, which has no `target`. */
export interface IpvsLoad extends IpvsAddress {
  readonly target: string | undefined;
  readonly connections: number;
}

export interface Ipvsadm {
  /** Every virtual server of both families. Rejects with the program's words where the kernel has no ip_vs. */
  list(): Promise<IpvsServer[]>;
  /** How many virtual and real servers there are, together, of one family. */
  size(family: 4 | 6): Promise<number>;
  /** Connections that each real server has now, open and closing. */
  loads(): Promise<IpvsLoad[]>;
  /** Connections that each virtual and each real server has ever got. */
  totals(): Promise<IpvsLoad[]>;
  /** Runs commands in order. All are tried; rejects with the first complaint when any of them failed. */
  restore(commands: readonly string[]): Promise<void>;
  /** Seconds; 0 keeps a timeout as it is. */
  setTimeouts(tcp: number, tcpFin: number, udp: number): Promise<void>;
}

const SERVICE_FLAG: Record<IpvsProtocol, string> = { tcp: '-t', udp: '-u', sctp: '--sctp-service' };
const PROTOCOL = new Map(Object.entries(SERVICE_FLAG).map(([name, flag]) => [flag, name as IpvsProtocol]));
const MAX_BYTES = 512 * 1024 * 1024;
const LOAD_TIMEOUT_MS = 180_000;

export function socketText(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function parseSocket(text: string): { address: string; port: number } {
  const at = text.lastIndexOf(':');
  const address = text.slice(0, at);
  return {
    address: address.startsWith('[') ? address.slice(1, -1) : address,
    port: Number(text.slice(at + 1)),
  };
}

/** The words by which ipvsadm addresses a virtual server. */
export function ipvsService({ protocol, address, port }: IpvsAddress): string {
  return `${SERVICE_FLAG[protocol]} ${socketText(address, port)}`;
}

/** Commands of `ipvsadm --restore`. `service` comes from `ipvsService`, `target` from `socketText`. */
export const ipvsCommand = {
  addService: (service: string, options: IpvsOptions) => `-A ${service} ${optionText(options)}`,
  editService: (service: string, options: IpvsOptions) => `-E ${service} ${optionText(options)}`,
  deleteService: (service: string) => `-D ${service}`,
  addTarget: (service: string, target: string, weight: number) =>
    `-a ${service} -r ${target} -m -w ${weight}`,
  editTarget: (service: string, target: string, weight: number) =>
    `-e ${service} -r ${target} -m -w ${weight}`,
  deleteTarget: (service: string, target: string) => `-d ${service} -r ${target}`,
};

function optionText({ scheduler, flags, persistence }: IpvsOptions): string {
  const sticky = persistence === 0 ? '' : ` -p ${persistence}`;
  return `-s ${scheduler}${sticky}${flags === '' ? '' : ` -b ${flags}`}`;
}

/** The ipvsadm program, in the network namespace of the process. */
export function createIpvsadm(programs: Programs): Ipvsadm {
  const text = (args: string[]) => check(programs, 'ipvsadm', args, { maxOutputBytes: MAX_BYTES });
  return {
    list: async () => parseSave(await text(['--save', '--numeric'])),
    async size(family) {
      const lines = (await text(['--save', '--numeric'])).match(/^-[Aa] (-t|-u|--sctp-service) \[?/gm) ?? [];
      return lines.filter((line) => line.endsWith('[') === (family === 6)).length;
    },
    loads: async () =>
      parseListing(await text(['--list', '--numeric'])).flatMap(({ columns: [, , open, closing], ...of }) =>
        of.target === undefined ? [] : { ...of, connections: open! + closing! },
      ),
    totals: async () =>
      parseListing(await text(['--list', '--numeric', '--stats', '--exact'])).map(
        ({ columns: [connections], ...of }) => ({ ...of, connections: connections! }),
      ),
    async restore(commands) {
      if (commands.length === 0) return;
      const input = `${commands.join('\n')}\n`;
      const result = await programs.run('ipvsadm', ['--restore'], { input, timeoutMs: LOAD_TIMEOUT_MS });
      // The exit code speaks of the last command only; every failed one writes a line.
      if (result.code === 0 && result.stderr.trim() === '') return;
      throw new ProgramError('EXIT', `ipvsadm --restore: ${result.stderr.trim() || result.code}`, result);
    },
    async setTimeouts(...seconds) {
      await text(['--set', ...seconds.map(String)]);
    },
  };
}

/** Reads `ipvsadm --save --numeric`. Lines of another shape are skipped: firewall marks are nobody's Services. */
export function parseSave(text: string): IpvsServer[] {
  const servers: IpvsServer[] = [];
  for (const line of text.split('\n')) {
    const [command, flag, socket, ...rest] = line.trim().split(' ');
    const protocol = PROTOCOL.get(flag ?? '');
    if (protocol === undefined || socket === undefined) continue;
    const after = (name: string) => rest[rest.indexOf(name) + 1]!;
    if (command === '-A') {
      servers.push({
        protocol,
        ...parseSocket(socket),
        scheduler: after('-s'),
        flags: rest.includes('-b') ? after('-b') : '',
        persistence: rest.includes('-p') ? Number(after('-p')) : 0,
        targets: new Map(),
      });
    } else if (command === '-a') servers.at(-1)!.targets.set(after('-r'), Number(after('-w')));
  }
  return servers;
}

/** Reads `ipvsadm --list`: each server with the columns behind its address. Words in them become NaN. */
function parseListing(text: string): (Omit<IpvsLoad, 'connections'> & { columns: number[] })[] {
  const rows: (Omit<IpvsLoad, 'connections'> & { columns: number[] })[] = [];
  let service: IpvsAddress | undefined;
  for (const line of text.split('\n')) {
    const [name, socket, ...rest] = line.trim().split(/\s+/);
    const protocol = name!.toLowerCase();
    const columns = rest.map(Number);
    if (protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp') {
      service = { protocol, ...parseSocket(socket!) };
      rows.push({ ...service, target: undefined, columns });
    } else if (name === '->' && service !== undefined && /\d$/.test(socket!)) {
      rows.push({ ...service, target: socket, columns });
    }
  }
  return rows;
}
