import type { Programs } from './programs.js';

/** A program that kubesvc starts, the Debian package that has it, and what needs it. */
export interface Requirement {
  program: string;
  package: string;
  purpose: string;
}

export const requirements: Requirement[] = [
  { program: 'ip', package: 'iproute2', purpose: 'links, addresses and routes of nodes and Pods' },
  { program: 'nft', package: 'nftables', purpose: 'the nftables proxy mode' },
  { program: 'conntrack', package: 'conntrack', purpose: 'removing stale UDP flows' },
  { program: 'unshare', package: 'util-linux', purpose: 'namespaces' },
  { program: 'nsenter', package: 'util-linux', purpose: 'entering namespaces' },
  { program: 'setpriv', package: 'util-linux', purpose: 'children that die with their owner' },
  { program: 'mount', package: 'mount', purpose: 'volumes of Pods' },
];

/** The required programs that are not on the PATH. */
export async function missingRequirements(programs: Programs): Promise<Requirement[]> {
  const script = 'for p in "$@"; do command -v "$p" >/dev/null || echo "$p"; done';
  const { stdout } = await programs.run('sh', ['-c', script, 'sh', ...requirements.map((r) => r.program)]);
  const missing = new Set(stdout.split('\n'));
  return requirements.filter((r) => missing.has(r.program));
}
