import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, type Programs } from './programs.js';

/** A tracked connection: where it was sent, and who answers. */
export interface Flow {
  protocol: string;
  source: string;
  sourcePort: number;
  destination: string;
  destinationPort: number;
  replySource: string;
  replySourcePort: number;
}

export interface FlowFilter {
  destination?: string;
  destinationPort?: number;
}

export interface Conntrack {
  /** Flows of one protocol, narrowed by their original destination. */
  list(family: 'ipv4' | 'ipv6', protocol: string, filter?: FlowFilter): Promise<Flow[]>;
  /**
   * Deletes flows, and with each those of other clients that were sent to the same place and are answered from the
   * same one. One that has ended meanwhile is not an error.
   */
  remove(family: 'ipv4' | 'ipv6', flows: readonly Flow[]): Promise<void>;
}

/** A table of a million flows lists as 200 MB; beyond this the listing is refused instead of exhausting memory. */
const MAX_LISTING_BYTES = 256 * 1024 * 1024;
const DELETIONS_PER_RUN = 500;
const ATTEMPTS_WHEN_INTERRUPTED = 5;

/** The conntrack program, in the network namespace of the process. */
export function createConntrack(programs: Programs): Conntrack {
  return {
    async list(family, protocol, filter = {}) {
      const args = ['-L', '-f', family, '-p', protocol];
      if (filter.destination !== undefined) args.push('--orig-dst', filter.destination);
      if (filter.destinationPort !== undefined) args.push('--orig-port-dst', String(filter.destinationPort));
      const text = await listing(programs, args);
      return text.split('\n').flatMap((line) => parseFlow(line) ?? []);
    },
    async remove(family, flows) {
      const lines = [...new Set(flows.map((flow) => deletion(family, flow)))];
      for (let i = 0; i < lines.length; i += DELETIONS_PER_RUN) {
        await runCommands(programs, `${lines.slice(i, i + DELETIONS_PER_RUN).join('\n')}\n`);
      }
    },
  };
}

/** Commands from a file, since `-R -` opens /dev/stdin by name, which cannot be done with the socket that it is here. */
async function runCommands(programs: Programs, commands: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'kubesvc-conntrack-'));
  try {
    const path = join(directory, 'commands');
    await writeFile(path, commands, { flag: 'wx', mode: 0o600 });
    await check(programs, 'conntrack', ['-R', path]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A dump of a changing table can be interrupted (EINTR); then it is incomplete and must be repeated. */
async function listing(programs: Programs, args: string[]): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const result = await programs.run('conntrack', args, { maxOutputBytes: MAX_LISTING_BYTES });
    if (result.code === 0) return result.stdout;
    if (attempt < ATTEMPTS_WHEN_INTERRUPTED && /Interrupted system call/.test(result.stderr)) continue;
    return check(programs, 'conntrack', args, { maxOutputBytes: MAX_LISTING_BYTES });
  }
}

/** Without the client: each deletion walks the whole table, and thousands of clients may have asked one endpoint. */
function deletion(family: string, flow: Flow): string {
  const original = `-d ${flow.destination} --orig-port-dst ${flow.destinationPort}`;
  const reply = `-r ${flow.replySource} --reply-port-src ${flow.replySourcePort}`;
  return `-D -f ${family} -p ${flow.protocol} ${original} ${reply}`;
}

/** Reads one line of `conntrack -L`; undefined for lines of another shape. */
export function parseFlow(line: string): Flow | undefined {
  const values: Record<string, string[]> = {};
  for (const [, key, value] of line.matchAll(/\b(src|dst|sport|dport)=(\S+)/g)) {
    values[key!] = [...(values[key!] ?? []), value!];
  }
  const { src, dst, sport, dport } = values;
  if (src?.length !== 2 || dst?.length !== 2 || sport?.length !== 2 || dport?.length !== 2) return undefined;
  return {
    protocol: line.slice(0, line.indexOf(' ')),
    source: src[0]!,
    sourcePort: Number(sport[0]),
    destination: dst[0]!,
    destinationPort: Number(dport[0]),
    replySource: src[1]!,
    replySourcePort: Number(sport[1]),
  };
}
