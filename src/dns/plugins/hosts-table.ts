import { lower, type Name, NameError, parseName } from '../wire/name.js';
import { addressOctets } from '../zone/addresses.js';

/** Names and addresses of a hosts file. */
export interface HostsTable {
  byName: Map<string, { A: Buffer[]; AAAA: Buffer[] }>;
  /** By the address's octets. */
  byAddress: Map<string, Name[]>;
}

/** Reads hosts(5) lines; what is no address or no name is skipped, as upstream. */
export function parseHosts(
  lines: string[],
  into: HostsTable = { byName: new Map(), byAddress: new Map() },
): HostsTable {
  for (const line of lines) {
    const [address = '', ...names] = line.replace(/#.*$/, '').trim().split(/\s+/);
    const octets = addressOctets(address.replace(/%.*$/, ''));
    if (octets === undefined) continue;
    for (const text of names) add(into, text, octets);
  }
  return into;
}

function add(table: HostsTable, text: string, octets: string): void {
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
  (octets.length === 4 ? entry.A : entry.AAAA).push(Buffer.from(octets, 'latin1'));
  table.byAddress.set(octets, [...(table.byAddress.get(octets) ?? []), name]);
}
