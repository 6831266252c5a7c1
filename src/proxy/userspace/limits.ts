import { readFileSync } from 'node:fs';

/** Descriptors that are left for listeners, watches and programs, at most. */
const RESERVED = 1024;
const MOST = 131_072;

/** How many connections and UDP flows this process may hold, from the descriptors that it may open. */
export function descriptorBudget(limits = readFileSync('/proc/self/limits', 'utf8')): {
  connections: number;
  flows: number;
} {
  const found = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  const open = found === undefined || found === 'unlimited' ? MOST : Math.min(MOST, Number(found));
  const usable = open - Math.min(RESERVED, Math.floor(open / 2));
  // A connection takes two descriptors, a flow one.
  return { connections: Math.floor((usable * 3) / 8), flows: Math.floor(usable / 4) };
}
