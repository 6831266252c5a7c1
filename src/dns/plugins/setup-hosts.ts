import { readFile, stat } from 'node:fs/promises';
import type { Logger } from '#base';
import { type Directive, directiveError } from '../corefile/parse.js';
import { Rcode, Type } from '../wire/constants.js';
import { isBelow, type Name } from '../wire/name.js';
import type { Answer, RecordData } from '../wire/record.js';
import { reverseOctets } from '../zone/addresses.js';
import { type HostsTable, parseHosts } from './hosts-table.js';
import type { DnsRequest, Plugin, Reply } from './plugin.js';
import { duration, expectArgs, integer, type PluginSetup } from './setup-context.js';
import { zoneNames } from './zone-names.js';

interface HostsOptions {
  path: string;
  zones: Name[];
  inline: string[];
  ttl: number;
  reloadS: number;
  reverse: boolean;
  fallthrough: Name[] | undefined;
}

/** `hosts [FILE [ZONES...]] { INLINE; ttl S; no_reverse; reload D; fallthrough [ZONES] }` (CoreDNS plugin/hosts). */
export function setupHosts(directive: Directive, setup: PluginSetup): Plugin {
  if (setup.made.has('hosts'))
    throw directiveError(directive, 'this plugin can only be used once per Server Block');
  const [path = '/etc/hosts', ...zones] = directive.args;
  const options: HostsOptions = {
    path,
    zones: zones.length === 0 ? setup.zones : zones.flatMap((z) => zoneNames(z, directive)),
    inline: [],
    ttl: 3600,
    reloadS: 5,
    reverse: true,
    fallthrough: undefined,
  };
  for (const line of directive.block) applyLine(options, line);
  const { changes, server } = setup.runtime;
  const changed = () => {
    for (const change of changes) change(undefined);
  };
  return createHosts(options, server.logger, changed);
}

function applyLine(options: HostsOptions, line: Directive): void {
  switch (line.name) {
    case 'fallthrough':
      options.fallthrough = line.args.length === 0 ? [[]] : line.args.flatMap((z) => zoneNames(z, line));
      return;
    case 'no_reverse':
      options.reverse = false;
      return;
    case 'ttl':
      options.ttl = integer(expectArgs(line, 1)[0], line, 1, 65_535);
      return;
    case 'reload':
      options.reloadS = duration(expectArgs(line, 1)[0], line);
      return;
    default:
      // Upstream takes inline entries only before fallthrough.
      if (options.fallthrough !== undefined || !/^[0-9a-fA-F:.]/.test(line.name))
        throw directiveError(line, `unknown property '${line.name}'`);
      options.inline.push([line.name, ...line.args].join(' '));
  }
}

function createHosts(options: HostsOptions, logger: Logger, changed: () => void): Plugin {
  let table = parseHosts(options.inline);
  let version = '';
  let timer: NodeJS.Timeout | undefined;
  const read = async () => {
    try {
      const { mtimeMs, size } = await stat(options.path);
      if (version === `${mtimeMs}/${size}`) return;
      const lines = (await readFile(options.path, 'utf8')).split('\n');
      version = `${mtimeMs}/${size}`;
      table = parseHosts(lines, parseHosts(options.inline));
      changed();
    } catch (error) {
      if (version === '') logger.warn('hosts file cannot be read', { path: options.path, err: error });
      version = 'missing';
    }
  };
  return {
    name: 'hosts',
    handle(request, next) {
      const inZone = options.zones.some((zone) => isBelow(request.labels, zone));
      const reply = inZone || isReverseName(request.labels) ? answer(table, request, options) : undefined;
      if (reply !== undefined) return reply;
      const falls = options.fallthrough?.some((zone) => isBelow(request.labels, zone)) === true;
      return inZone && !falls ? nxdomain() : next(request);
    },
    async start() {
      await read();
      if (options.reloadS > 0) timer = setInterval(() => void read(), options.reloadS * 1000).unref();
    },
    async stop() {
      clearInterval(timer);
    },
  };
}

function isReverseName(labels: Name): boolean {
  return labels.at(-1) === 'arpa';
}

/** The table's answer; undefined when it does not know the name. */
function answer(table: HostsTable, request: DnsRequest, options: HostsOptions): Reply | undefined {
  const { type, labels: owner } = request.query;
  const records: RecordData[] = [];
  if (isReverseName(request.labels)) {
    const names = options.reverse ? table.byAddress.get(reverseOctets(request.labels) ?? '') : undefined;
    if (names === undefined || type !== Type.PTR) return undefined;
    records.push(...names.map((target) => ({ type: 'PTR' as const, target })));
  } else {
    const entry = table.byName.get(request.labels.join('.'));
    if (entry === undefined) return undefined;
    if (type === Type.A) records.push(...entry.A.map((address) => ({ type: 'A' as const, address })));
    if (type === Type.AAAA)
      records.push(...entry.AAAA.map((address) => ({ type: 'AAAA' as const, address })));
  }
  const out = empty(Rcode.NOERROR);
  out.answers = records.map((data) => ({ name: owner, ttl: options.ttl, data }));
  return { kind: 'answer', answer: out, by: 'hosts' };
}

function nxdomain(): Reply {
  return { kind: 'answer', answer: empty(Rcode.NXDOMAIN), by: 'hosts' };
}

function empty(rcode: number): Answer {
  return { rcode, authoritative: true, answers: [], authority: [], additional: [] };
}
