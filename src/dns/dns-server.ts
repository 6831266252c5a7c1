import { networkInterfaces } from 'node:os';
import { Group, type Logger, type Metrics, type Startable } from '#base';
import type { InformerFactory } from '#client';
import { type CorefileServer, directiveError, parseCorefile } from './corefile/parse.js';
import { chain, type Plugin, rcodeReply } from './plugins/plugin.js';
import { type PluginSetup, setups } from './plugins/setup.js';
import { Handler, type ServerBlock } from './server/handler.js';
import { createTcpServer } from './server/tcp.js';
import { createUdpServer } from './server/udp.js';
import { Rcode } from './wire/constants.js';
import { type Name, parseName } from './wire/name.js';

export interface DnsServerOptions {
  /** Text of the Corefile and the name to show in its errors. */
  corefile: string;
  corefileName?: string;
}

export interface DnsServerDeps {
  /** Informers of a factory of the server's own: its indexes and transforms are its own. */
  informers: InformerFactory;
  logger: Logger;
  metrics: Metrics;
}

/**
 * A DNS server as its Corefile says (CoreDNS's role). `start` resolves when every address is bound; it does
 * not wait for the first sync: until then, absent names are SERVFAIL.
 */
export function createDnsServer(options: DnsServerOptions, deps: DnsServerDeps): Startable {
  const servers = parseCorefile(options.corefile, options.corefileName ?? 'Corefile');
  const blocks = servers.map((server) => buildBlock(server, deps));
  const members: Startable[] = blocks.flatMap((b) => b.members);
  for (const [key, group] of byListener(blocks)) {
    const [address, port] = [key.slice(0, key.lastIndexOf('|')), Number(key.slice(key.lastIndexOf('|') + 1))];
    const handler = new Handler(group, deps.logger);
    const listener = { address, port, handler: () => handler, logger: deps.logger };
    members.push(createUdpServer(listener), createTcpServer(listener));
  }
  members.push({
    start: async () => deps.informers.start(),
    stop: async () => deps.informers.stop(),
  });
  return new Group(members);
}

interface BuiltBlock extends ServerBlock {
  addresses: string[];
  port: number;
  members: Startable[];
}

function buildBlock(server: CorefileServer, deps: DnsServerDeps): BuiltBlock {
  const keys = server.keys.map((key) => parseKey(server, key));
  const setup: PluginSetup = { zones: keys.map((k) => k.zone), deps, localIps, bind: [] };
  const plugins: Plugin[] = [];
  for (const [name, make] of setups) {
    for (const directive of server.plugins.filter((d) => d.name === name)) {
      const plugin = make(directive, setup);
      if (plugin !== undefined) plugins.push(plugin);
    }
  }
  const unknown = server.plugins.find((d) => !setups.has(d.name));
  if (unknown !== undefined) throw directiveError(unknown, `unknown directive '${unknown.name}'`);
  return {
    zones: setup.zones,
    port: keys[0]!.port,
    addresses: setup.bind.length > 0 ? setup.bind : ['0.0.0.0', '::'],
    serve: chain(plugins, () => rcodeReply(Rcode.SERVFAIL)),
    anyClass: server.plugins.some((d) => d.name === 'forward'),
    members: plugins.map((p) => ({ start: async () => p.start?.(), stop: async () => p.stop?.() })),
  };
}

/** `zone`, `zone:port`, `dns://zone:port`. */
function parseKey(server: CorefileServer, key: string): { zone: Name; port: number } {
  const match = /^(?:dns:\/\/)?([^:/]*)(?::(\d+))?$/.exec(key);
  if (match === null) throw directiveError(server, `cannot serve ${JSON.stringify(key)}`);
  const port = match[2] === undefined ? 53 : Number(match[2]);
  if (port < 1 || port > 65535) throw directiveError(server, `${key}: port must be between 1 and 65535`);
  return { zone: parseName((match[1] ?? '').toLowerCase()), port };
}

function byListener(blocks: BuiltBlock[]): Map<string, BuiltBlock[]> {
  const groups = new Map<string, BuiltBlock[]>();
  for (const block of blocks) {
    for (const address of block.addresses) {
      const key = `${address}|${block.port}`;
      groups.set(key, [...(groups.get(key) ?? []), block]);
    }
  }
  return groups;
}

/** This machine's addresses, loopback left out. */
function localIps(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((a) => !a.internal && !a.address.startsWith('fe80'))
    .map((a) => a.address);
}
