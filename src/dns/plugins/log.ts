import { type Directive, directiveError } from '../corefile/parse.js';
import { Flag, Rcode, rcodeName, typeName } from '../wire/constants.js';
import { formatName, isBelow, type Name } from '../wire/name.js';
import { type DnsRequest, mapReply, type Plugin, type Sent, untagged } from './plugin.js';
import { nameArgument, type PluginSetup, unknownProperty } from './setup-context.js';

const COMMON =
  '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}';
const COMBINED = `${COMMON} "{>opcode}"`;
const CLASSES = ['all', 'success', 'denial', 'error'];

/** `log [NAMES...] [FORMAT] { class CLASSES... }`: a line per query (CoreDNS plugin/log). */
export function setupLog(directive: Directive, setup: PluginSetup): Plugin {
  const args = [...directive.args];
  let format = COMMON;
  const last = args.at(-1);
  if (last?.includes('{') === true) {
    args.pop();
    format = last.replace('{common}', COMMON).replace('{combined}', COMBINED);
  }
  const zones: Name[] = args.length === 0 ? [[]] : args.map((a) => nameArgument(a, directive));
  const classes = new Set<string>();
  for (const line of directive.block) {
    if (line.name !== 'class') throw unknownProperty(line);
    for (const name of line.args) {
      if (!CLASSES.includes(name)) throw directiveError(line, `Unknown response class: ${name}`);
      classes.add(name);
    }
  }
  const { logger } = setup.runtime.server;
  const wanted = (sent: Sent) => classes.size === 0 || classes.has('all') || classes.has(classOf(sent));
  return {
    name: 'log',
    handle(request, next) {
      if (!zones.some((zone) => isBelow(request.labels, zone))) return mapReply(next(request), untagged);
      request.onSent.push((sent) => {
        if (wanted(sent)) logger.info(fill(format, request, sent));
      });
      // A kept reply would be sent without passing here.
      return mapReply(next(request), untagged);
    },
  };
}

/** CoreDNS's response classes. */
function classOf({ rcode, message }: Sent): string {
  if (rcode === Rcode.NXDOMAIN) return 'denial';
  if (rcode !== Rcode.NOERROR) return 'error';
  return message.readUInt16BE(6) === 0 ? 'denial' : 'success';
}

function fill(format: string, request: DnsRequest, sent: Sent): string {
  const { query } = request;
  const values: Record<string, () => string | number> = {
    remote: () =>
      request.remoteAddress.includes(':') ? `[${request.remoteAddress}]` : request.remoteAddress,
    port: () => request.remotePort,
    local: () => request.localAddress,
    type: () => typeName(query.type),
    class: () => (query.class === 1 ? 'IN' : `CLASS${query.class}`),
    name: () => formatName(request.labels),
    proto: () => (request.protocol === 'udp' ? 'udp' : 'tcp'),
    size: () => request.size,
    rcode: () => rcodeName(sent.rcode),
    rsize: () => sent.message.length,
    duration: () => `${sent.seconds.toFixed(9)}s`,
    '>id': () => query.id,
    '>do': () => String(query.edns?.do === true),
    '>bufsize': () => Math.max(512, query.edns?.udpSize ?? 512),
    '>opcode': () => query.opcode,
    '>rflags': () => flagNames(sent.message.readUInt16BE(2)),
  };
  return format.replace(/\{(>?\w+)\}/g, (whole, key: string) => String(values[key]?.() ?? whole));
}

function flagNames(flags: number): string {
  const names = Object.entries(Flag).filter(([, bit]) => (flags & bit) !== 0);
  return names.map(([name]) => name.toLowerCase()).join(',') || '-';
}
