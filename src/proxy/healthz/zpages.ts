import { cpus } from 'node:os';

/** What the debugging pages of upstream's components tell (KEP-4827, KEP-4828). */
export interface ZpageFacts {
  /** The component, as upstream calls it. */
  name: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  now: number;
  /** Every flag with the value in force. */
  flags: Readonly<Record<string, string>>;
  paths: readonly string[];
  /** The Kubernetes release that this program stands for. */
  version: string;
}

const WARNING =
  'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.';

const header = (name: string, page: string) => `\n${name} ${page}\n${WARNING}\n\n`;

/** `/flagz`. */
export function flagz({ name, flags }: ZpageFacts): string {
  const lines = Object.entries(flags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([flag, value]) => `${flag}=${value}`);
  return `${header(name, 'flagz')}${lines.join('\n')}\n`;
}

/** `/statusz`. */
export function statusz({ name, startedAt, now, paths, version }: ZpageFacts): string {
  const seconds = Math.max(0, Math.floor((now - startedAt) / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  const up = `${Math.floor(seconds / 3600)} hr ${two(Math.floor(seconds / 60) % 60)} min ${two(seconds % 60)} sec`;
  const lines = [
    `Started: ${new Date(startedAt).toUTCString()}`,
    `Up: ${up}`,
    `Node.js version: ${process.version}, ${cpus().length} processors`,
    `Binary version: ${version}`,
    '',
    `Paths: ${[...paths].sort().join(' ')}`,
  ];
  return `${header(name, 'statusz')}${lines.join('\n')}\n`;
}
