import { parseIp } from '#base';
import { lower, type Name, NameError, parseName } from '../wire/name.js';
import { addressBytes } from '../zone/addresses.js';

/** Names and addresses of a hosts file. */
export interface HostsTable {
  byName: Map<string, { A: Buffer[]; AAAA: Buffer[] }>;
  /** By canonical address text. */
  byAddress: Map<string, Name[]>;
}

/** Reads hosts(5) lines; what is no address or no name is skipped, as upstream. */
export function parseHosts(
  lines: string[],
  into: HostsTable = { byName: new Map(), byAddress: new Map() },
): HostsTable {
  for (const line of lines) {
    const [address = '', ...names] = line.replace(/#.*$/, '').trim().split(/\s+/);
    const bytes = addressBytes(address.replace(/%.*$/, ''));
    const ip = parseIp(address.replace(/%.*$/, ''));
    if (bytes === undefined || ip === undefined) continue;
    for (const text of names) add(into, text, bytes, ip.text);
  }
  return into;
}

function add(table: HostsTable, text: string, bytes: Buffer, ip: string): void {
  let name: Name;
  try {
    name = parseName(lower(text));
  } catch (error) {
    if (error instanceof NameError) return;
    throw error;
  }
  const key = name.join('.');
  const entry = table.byName.get(key) ?? { A: [], AAAA: [] };
  table.byName.set(key, entry);
  (bytes.length === 4 ? entry.A : entry.AAAA).push(bytes);
  table.byAddress.set(ip, [...(table.byAddress.get(ip) ?? []), name]);
}
