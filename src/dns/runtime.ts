import { networkInterfaces } from 'node:os';
import type { Startable } from '#base';
import { type CorefileServer, directiveError, parseCorefile } from './corefile/parse.js';
import type { KubernetesPlugin } from './plugins/kubernetes.js';
import { chain, type Next, type Plugin, rcodeReply } from './plugins/plugin.js';
import { setups } from './plugins/setup.js';
import type { PluginSetup, RuntimeContext, ServerContext } from './plugins/setup-context.js';
import { zoneNames } from './plugins/zone-names.js';
import { Handler, type ServerBlock } from './server/handler.js';
import { Rcode } from './wire/constants.js';
import type { Name } from './wire/name.js';
import type { StateChange } from './zone/cluster-state.js';

export type Transport = 'dns' | 'tls' | 'https';

/** A listener that a configuration wants. */
export interface RuntimeListener {
  transport: Transport;
  address: string;
  port: number;
  handler: Handler;
  tls: PluginSetup['tls'];
}

/** One configuration, built but not started. */
export interface Runtime {
  /** By transport, address and port. */
  listeners: Map<string, RuntimeListener>;
  members: Startable[];
  context: RuntimeContext;
  /** The chain that answers a name, for `explain`. */
  blocks: { zones: Name[]; plugins: Plugin[] }[];
  /** What `coredns_plugin_enabled` shows. */
  enabled: { server: string; zone: string; name: string }[];
}

interface BuiltBlock extends ServerBlock {
  transport: Transport;
  addresses: string[];
  port: number;
  plugins: Plugin[];
  tls: PluginSetup['tls'];
}

const DEFAULT_PORTS: Record<Transport, number> = { dns: 53, tls: 853, https: 443 };
const MAX_DEPTH = 8;

/** Builds everything that a Corefile asks for; throws CorefileError, and has touched nothing outside by then. */
export function buildRuntime(corefile: string, name: string, server: ServerContext): Runtime {
  const context: RuntimeContext = {
    server,
    changes: new Set(),
    http: new Map(),
    readiness: [],
    lameduckMs: 0,
  };
  const blocks = parseCorefile(corefile, name).flatMap((s) => buildBlocks(s, context));
  const listeners = new Map<string, RuntimeListener>();
  for (const [key, group] of byListener(blocks)) listeners.set(key, listenerOf(group, key, context));
  return {
    listeners,
    members: blocks.flatMap((b) => b.plugins.map(pluginMember)),
    context,
    blocks,
    enabled: blocks.flatMap((b) =>
      b.stats === undefined
        ? []
        : b.plugins.map((p) => ({ server: serverName(b), zone: zoneText(b), name: p.name })),
    ),
  };
}

function pluginMember(plugin: Plugin): Startable {
  return { start: async () => plugin.start?.(), stop: async () => plugin.stop?.() };
}

/** One block per transport and port of the keys: they share the directives, not the plugins. */
function buildBlocks(server: CorefileServer, context: RuntimeContext): BuiltBlock[] {
  const groups = new Map<string, ReturnType<typeof parseKey>[]>();
  for (const key of server.keys.map((k) => parseKey(server, k))) {
    const id = `${key.transport}:${key.port}`;
    groups.set(id, [...(groups.get(id) ?? []), key]);
  }
  return [...groups.values()].map((keys) => buildBlock(server, keys, context));
}

function buildBlock(
  server: CorefileServer,
  keys: ReturnType<typeof parseKey>[],
  context: RuntimeContext,
): BuiltBlock {
  const { transport, port } = keys[0]!;
  let serve: Next = () => rcodeReply(Rcode.SERVFAIL);
  const setup: PluginSetup = {
    zones: keys.flatMap((k) => k.zones),
    runtime: context,
    bind: [],
    self: (request) =>
      request.depth >= MAX_DEPTH
        ? rcodeReply(Rcode.SERVFAIL)
        : serve({ ...request, depth: request.depth + 1 }),
    plugins: server.plugins,
    made: new Map(),
  };
  const unknown = server.plugins.find((d) => !setups.has(d.name));
  if (unknown !== undefined) throw directiveError(unknown, `unknown directive '${unknown.name}'`);
  const plugins: Plugin[] = [];
  for (const [name, make] of setups) {
    for (const directive of server.plugins.filter((d) => d.name === name)) {
      const plugin = make(directive, setup);
      if (plugin === undefined) continue;
      plugins.push(plugin);
      setup.made.set(plugin.name, plugin);
      const { ready } = plugin;
      if (ready !== undefined) context.readiness.push({ name: plugin.name, ready: () => ready.call(plugin) });
    }
  }
  if (transport !== 'dns' && setup.tls === undefined)
    throw directiveError(server, `${transport}:// needs the tls plugin with a certificate and key`);
  const kubernetes = setup.made.get('kubernetes') as KubernetesPlugin | undefined;
  serve = chain(plugins, () => rcodeReply(Rcode.SERVFAIL));
  return {
    transport,
    port,
    zones: setup.zones,
    addresses: setup.bind.length > 0 ? setup.bind : (context.server.placement?.bind ?? wildcards()),
    serve,
    plugins,
    rotate: server.plugins.some((d) => d.name === 'loadbalance'),
    anyClass: server.plugins.some((d) => d.name === 'forward'),
    tls: setup.tls,
    ...(kubernetes === undefined ? {} : { serial: () => kubernetes.state.serial }),
    ...(setup.stats === undefined ? {} : { stats: setup.stats }),
    ...(setup.bufferSize === undefined ? {} : { bufferSize: setup.bufferSize }),
  };
}

/** Both families, or IPv4 alone where the kernel has no IPv6. */
function wildcards(): string[] {
  const ipv6 = Object.values(networkInterfaces()).some((list) => list?.some((a) => a.family === 'IPv6'));
  return ipv6 ? ['0.0.0.0', '::'] : ['0.0.0.0'];
}

/** `zone`, `zone:port`, `10.0.0.0/8:53`, with an optional `dns://`, `tls://` or `https://` before it. */
function parseKey(
  server: CorefileServer,
  key: string,
): { transport: Transport; zones: Name[]; port: number } {
  const match = /^(?:(dns|tls|https):\/\/)?(.*?)(?::(\d{1,5}))?$/.exec(key);
  const zone = match?.[2] ?? '';
  if (match === null || zone.includes('://'))
    throw directiveError(server, `cannot serve ${JSON.stringify(key)}`);
  const transport = (match[1] ?? 'dns') as Transport;
  const port = match[3] === undefined ? DEFAULT_PORTS[transport] : Number(match[3]);
  if (port < 1 || port > 65_535) throw directiveError(server, `${key}: port must be between 1 and 65535`);
  return { transport, zones: zoneNames(zone, { ...server, name: key, args: [], block: [] }), port };
}

function byListener(blocks: BuiltBlock[]): Map<string, BuiltBlock[]> {
  const groups = new Map<string, BuiltBlock[]>();
  for (const block of blocks) {
    for (const address of new Set(block.addresses)) {
      const key = `${block.transport}|${address}|${block.port}`;
      groups.set(key, [...(groups.get(key) ?? []), block]);
    }
  }
  return groups;
}

function listenerOf(group: BuiltBlock[], key: string, context: RuntimeContext): RuntimeListener {
  const { transport, port, tls } = group[0]!;
  const handler = new Handler(group, context.server.logger, serverName(group[0]!));
  context.changes.add((change) => invalidate(handler, change));
  return { transport, port, tls, address: key.split('|')[1]!, handler };
}

function invalidate(handler: Handler, change: StateChange | undefined): void {
  if (change === undefined || change.kind === 'namespace') handler.answers.clear();
  else if (change.kind === 'pod') handler.answers.invalidateShared();
  else handler.answers.invalidate(change.namespace, change.name);
}

/** How CoreDNS names a server in its metrics: `dns://:53`. */
function serverName(block: BuiltBlock): string {
  const [address] = block.addresses;
  const host = address === '0.0.0.0' || address === '::' ? '' : (address ?? '');
  return `${block.transport}://${host.includes(':') ? `[${host}]` : host}:${block.port}`;
}

function zoneText(block: BuiltBlock): string {
  return `${block.zones[0]?.join('.') ?? ''}.`;
}
