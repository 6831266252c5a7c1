import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger, Metrics } from '#base';
import { type Directive, directiveError, parseDuration } from '../corefile/parse.js';
import type { ServerStats } from '../metrics/server-stats.js';
import { type Name, NameError, parseName } from '../wire/name.js';
import type { StateChange } from '../zone/cluster-state.js';
import type { InformerSources } from '../zone/informer-sources.js';
import type { ClusterAddress } from './cluster-address.js';
import type { Next, Plugin } from './plugin.js';

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Addresses of a server that shares its host's network: they stand in for what the Corefile leaves open. */
export interface Placement {
  /** Where to listen without `bind`. */
  bind: string[];
  /** Where to serve health, ready and prometheus (`host:port`), whatever the Corefile says. */
  health: string;
  ready: string;
  prometheus: string;
}

/** What all server blocks and all reloads of one server share. */
export interface ServerContext {
  logger: Logger;
  metrics: Metrics;
  stats: ServerStats;
  /** Watched state of the server's own cluster, or of the one that the Corefile names. */
  sources(cluster?: ClusterAddress): InformerSources;
  /** This machine's addresses, loopback left out. */
  localIps(): string[];
  /** True from the moment when stopping was asked for. */
  stopping(): boolean;
  /** Reads the configuration file again; undefined when the server was given a text only. */
  readCorefile?: () => Promise<string>;
  placement?: Placement;
}

/** What one configuration (all blocks of a Corefile) builds up. */
export interface RuntimeContext {
  server: ServerContext;
  /** Told of every change that answers can show. */
  changes: Set<(change: StateChange | undefined) => void>;
  /** Paths by address (`host:port`). */
  http: Map<string, Map<string, HttpHandler>>;
  /** Plugins that are not ready yet. */
  readiness: { name: string; ready: () => boolean }[];
  lameduckMs: number;
  reload?: { intervalMs: number; jitterMs: number };
}

/** What a directive may use and change of its server block. */
export interface PluginSetup {
  zones: Name[];
  runtime: RuntimeContext;
  /** Addresses to listen on; set by `bind`. */
  bind: string[];
  /** The block's chain from the top, for plugins that ask again; usable only once the block is built. */
  self: Next;
  tls?: { cert: string; key: string; ca?: string };
  bufferSize?: number;
  stats?: ServerStats;
  plugins: Directive[];
  /** Plugins already made, by name. */
  made: Map<string, Plugin>;
}

/** Makes a plugin; undefined when the directive only changes the block. */
export type Setup = (directive: Directive, setup: PluginSetup) => Plugin | undefined;

/** caddy's ArgErr. */
export function argumentError(at: Directive): Error {
  return directiveError(
    at,
    `Wrong argument count or unexpected line ending after '${at.args.at(-1) ?? at.name}'`,
  );
}

/** Throws unless the number of arguments is within bounds. */
export function expectArgs(at: Directive, min: number, max = min): string[] {
  if (at.args.length < min || at.args.length > max) throw argumentError(at);
  return at.args;
}

/** Throws when a directive that knows no properties has some. */
export function expectNoBlock(at: Directive): void {
  const [first] = at.block;
  if (first !== undefined) throw unknownProperty(first);
}

export function unknownProperty(line: Directive): Error {
  return directiveError(line, `unknown property '${line.name}'`);
}

export function integer(text: string | undefined, at: Directive, min = 0, max = 0x7fffffff): number {
  const value = text !== undefined && /^-?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value))
    throw directiveError(at, `${at.name}: ${JSON.stringify(text ?? '')} is not a number`);
  if (value < min || value > max)
    throw directiveError(at, `${at.name} must be in range [${min}, ${max}]: ${value}`);
  return value;
}

/** Seconds of a duration argument. */
export function duration(text: string | undefined, at: Directive): number {
  const seconds = text === undefined ? undefined : parseDuration(text);
  if (seconds === undefined)
    throw directiveError(at, `${at.name}: invalid duration ${JSON.stringify(text ?? '')}`);
  return seconds;
}

/** A name in lower case; illegal names are errors at the directive. */
export function nameArgument(text: string, at: Directive): Name {
  try {
    return parseName(text.replace(/[A-Z]+/g, (s) => s.toLowerCase()));
  } catch (error) {
    if (error instanceof NameError) throw directiveError(at, error.message);
    throw error;
  }
}

/** `host:port` of a directive's optional address; an absent host means all addresses. */
export function listenAddress(text: string, at: Directive): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:]*)\]|([^:]*)):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535)
    throw directiveError(at, `${at.name}: ${JSON.stringify(text)} is not an address with a port`);
  return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) };
}
