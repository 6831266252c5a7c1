import { check, ProgramError, type Programs } from './programs.js';

/** A network device that leads nowhere: what addresses are bound to that the node answers for. */
export interface DummyDevice {
  /** Creates it unless it exists. Like kube-proxy's it stays down, which does not keep its addresses from being local. */
  ensure(): Promise<void>;
  exists(): Promise<boolean>;
  /** Its addresses in one family. */
  addresses(family: 4 | 6): Promise<Set<string>>;
  /** Binds and unbinds addresses in one go; what is done already is no error. */
  change(bind: readonly string[], unbind: readonly string[]): Promise<void>;
  remove(): Promise<void>;
}

const MAX_BYTES = 256 * 1024 * 1024;

/** Through the ip program, in the network namespace of the process. */
export function createDummyDevice(programs: Programs, name: string): DummyDevice {
  const exists = async () => (await programs.run('ip', ['-o', 'link', 'show', 'dev', name])).code === 0;
  const batch = async (lines: string[]) => {
    const input = `${lines.join('\n')}\n`;
    const result = await programs.run('ip', ['-force', '-batch', '-'], { input, timeoutMs: 180_000 });
    const complaints = result.stderr.split('\n').filter((line) => line !== '' && !isHarmless(line));
    if (complaints.length > 0) throw new ProgramError('EXIT', `ip: ${complaints.join('; ')}`, result);
  };
  return {
    exists,
    async ensure() {
      if (await exists()) return;
      const added = await programs.run('ip', ['link', 'add', name, 'type', 'dummy']);
      // The proxier of the other family may have been quicker.
      if (added.code !== 0 && !(await exists())) {
        throw new ProgramError('EXIT', `ip link add ${name}: ${added.stderr.trim()}`, added);
      }
      // Others on the link must not hear that the node has these addresses.
      await check(programs, 'ip', ['link', 'set', name, 'arp', 'off']);
    },
    async addresses(family) {
      const args = [`-${family}`, '-o', 'addr', 'show', 'dev', name];
      const text = await check(programs, 'ip', args, { maxOutputBytes: MAX_BYTES });
      return new Set([...text.matchAll(/ inet6? ([^/\s]+)\//g)].map((match) => match[1]!));
    },
    async change(bind, unbind) {
      const lines = [
        ...bind.map((address) => `addr add ${host(address)} dev ${name}${tail(address)}`),
        ...unbind.map((address) => `addr del ${host(address)} dev ${name}`),
      ];
      if (lines.length > 0) await batch(lines);
    },
    async remove() {
      if (await exists()) await check(programs, 'ip', ['link', 'del', name]);
    },
  };
}

const host = (address: string) => `${address}/${address.includes(':') ? 128 : 32}`;
/** Nobody else can have it, and it is needed at once. */
const tail = (address: string) => (address.includes(':') ? ' nodad' : '');

/** The address is there already, or gone already; and the line by which `ip` says where in the input that was. */
function isHarmless(line: string): boolean {
  return /File exists|Cannot assign requested address|^Command failed -:\d+$/.test(line);
}
