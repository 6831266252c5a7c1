import { randomBytes } from 'node:crypto';
import type { Directive } from '../corefile/parse.js';
import { Class, Flag, Rcode, Type } from '../wire/constants.js';
import { encodeQuestion, type Name } from '../wire/name.js';
import { type DnsRequest, type Plugin, rcodeReply } from './plugin.js';
import { expectArgs, expectNoBlock, type PluginSetup } from './setup-context.js';

const PROBE_DELAY_MS = 500;
/** As upstream: our own question, and two that may be retransmissions. */
const MAX_SEEN = 2;

/**
 * `loop`: sends a random HINFO question through its own chain; when that comes back, an upstream leads here. CoreDNS
 * exits then and crash-loops; here the cluster zone keeps being served, what would go upstream is SERVFAIL, and the
 * log says why.
 */
export function setupLoop(directive: Directive, setup: PluginSetup): Plugin {
  expectArgs(directive, 0);
  expectNoBlock(directive);
  const { logger } = setup.runtime.server;
  const zone = setup.zones[0] ?? [];
  const name: Name = [`${randomBytes(8).readBigUInt64BE()}`, `${randomBytes(8).readBigUInt64BE()}`, ...zone];
  const own = name.join('.');
  let seen = 0;
  let timer: NodeJS.Timeout | undefined;
  return {
    name: 'loop',
    handle(request, next) {
      if (request.query.type === Type.HINFO && request.labels.join('.') === own && ++seen === MAX_SEEN + 1)
        logger.error(
          'Loop detected: an upstream of forward leads back to this server; names for it are SERVFAIL',
          {
            zone: `${zone.join('.')}.`,
            help: 'https://coredns.io/plugins/loop#troubleshooting',
          },
        );
      if (seen <= MAX_SEEN) return next(request);
      return { ...rcodeReply(Rcode.SERVFAIL, 'loop'), error: 'an upstream leads back to this server' };
    },
    async start() {
      timer = setTimeout(() => {
        // The answer does not matter, only whether the question arrives here again.
        void Promise.resolve(setup.self(probe(name))).catch(() => {});
      }, PROBE_DELAY_MS).unref();
    },
    async stop() {
      clearTimeout(timer);
    },
  };
}

function probe(name: Name): DnsRequest {
  const question = encodeQuestion(name, Type.HINFO, Class.IN);
  return {
    query: {
      id: 0,
      flags: Flag.RD,
      opcode: 0,
      labels: [...name],
      type: Type.HINFO,
      class: Class.IN,
      question,
    },
    labels: name,
    protocol: 'udp',
    remoteAddress: '127.0.0.1',
    remotePort: 0,
    localAddress: '127.0.0.1',
    size: 12 + question.length,
    zone: '.',
    onSent: [],
    depth: 0,
  };
}
