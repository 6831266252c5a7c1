import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { parseCidr } from '#base';
import { type Directive, directiveError } from '../corefile/parse.js';
import { Rcode, Type } from '../wire/constants.js';
import { setupAutopath } from './autopath.js';
import { setupErrors } from './errors.js';
import { createLoadbalance } from './loadbalance.js';
import { setupLog } from './log.js';
import { setupLoop } from './loop.js';
import { setupHealth, setupPrometheus, setupReady, setupReload } from './operations.js';
import { type Plugin, rcodeReply } from './plugin.js';
import { setupCache } from './setup-cache.js';
import {
  expectArgs,
  expectNoBlock,
  integer,
  type PluginSetup,
  type Setup,
  unknownProperty,
} from './setup-context.js';
import { setupForward } from './setup-forward.js';
import { setupHosts } from './setup-hosts.js';
import { setupKubernetes } from './setup-kubernetes.js';
import { setupRewrite } from './setup-rewrite.js';
import { setupTemplate } from './template.js';
import { setupTransfer } from './transfer.js';

/** Plugins in the order in which they run, which is not the Corefile's (coredns plugin.cfg). */
export const setups: Map<string, Setup> = new Map<string, Setup>([
  ['bind', setupBind],
  ['tls', setupTls],
  ['bufsize', setupBufsize],
  ['debug', setupNothing],
  ['reload', setupReload],
  ['ready', setupReady],
  ['health', setupHealth],
  ['prometheus', setupPrometheus],
  ['errors', setupErrors],
  ['log', setupLog],
  ['any', setupAny],
  ['loadbalance', setupLoadbalance],
  ['rewrite', setupRewrite],
  ['autopath', setupAutopath],
  ['cache', setupCache],
  ['template', setupTemplate],
  ['transfer', setupTransfer],
  ['hosts', setupHosts],
  ['kubernetes', setupKubernetes],
  ['loop', setupLoop],
  ['forward', setupForward],
]);

/** Addresses, or the names of interfaces whose addresses are meant; `except` takes some out. */
function setupBind(directive: Directive, setup: PluginSetup): undefined {
  const names = expectArgs(directive, 1, 100);
  const except = new Set<string>();
  for (const line of directive.block) {
    if (line.name !== 'except') throw directiveError(line, `unknown property '${line.name}'`);
    for (const address of line.args) except.add(address);
  }
  const interfaces = networkInterfaces();
  for (const name of names) {
    const addresses = isIP(name) !== 0 ? [name] : interfaces[name]?.map((a) => a.address);
    if (addresses === undefined)
      throw directiveError(directive, `not a valid IP address or interface name: ${JSON.stringify(name)}`);
    setup.bind.push(...addresses.filter((a) => !except.has(a) && !a.startsWith('fe80')));
  }
  if (setup.bind.length === 0) throw directiveError(directive, 'bind: no address is left to listen on');
  return undefined;
}

/** `tls CERT KEY [CA]`: files, read when the listener starts. */
function setupTls(directive: Directive, setup: PluginSetup): undefined {
  const [cert = '', key = '', ca] = expectArgs(directive, 2, 3);
  expectNoBlock(directive);
  setup.tls = ca === undefined ? { cert, key } : { cert, key, ca };
  return undefined;
}

function setupBufsize(directive: Directive, setup: PluginSetup): undefined {
  const [size] = expectArgs(directive, 0, 1);
  setup.bufferSize = size === undefined ? 1232 : integer(size, directive, 512, 4096);
  return undefined;
}

/** `debug` changes what a panic does upstream; here there is nothing to change. */
function setupNothing(directive: Directive): undefined {
  expectArgs(directive, 0);
  return undefined;
}

/** Answers ANY with HINFO (RFC 8482, CoreDNS plugin/any). */
function setupAny(directive: Directive): Plugin {
  expectArgs(directive, 0);
  return {
    name: 'any',
    handle(request, next) {
      if (request.query.type !== Type.ANY) return next(request);
      const reply = rcodeReply(Rcode.NOERROR, 'any');
      const data = { type: 'HINFO' as const, cpu: 'ANY obsoleted', os: 'See RFC 8482' };
      if (reply.kind === 'answer') reply.answer.answers.push({ name: request.query.labels, ttl: 8482, data });
      return reply;
    },
  };
}

/** `loadbalance [round_robin] { prefer CIDR... }` (CoreDNS plugin/loadbalance). */
function setupLoadbalance(directive: Directive): Plugin {
  const [policy = 'round_robin'] = directive.args;
  if (policy !== 'round_robin')
    throw directiveError(
      directive,
      `loadbalance: unknown or unsupported policy '${policy}' (only round_robin)`,
    );
  expectArgs(directive, 0, 1);
  const preferred = directive.block.flatMap((line) => {
    if (line.name !== 'prefer') throw unknownProperty(line);
    return expectArgs(line, 1, 100).map((text) => {
      const cidr = parseCidr(text);
      if (cidr === undefined) throw directiveError(line, `invalid CIDR: ${JSON.stringify(text)}`);
      return cidr;
    });
  });
  return createLoadbalance(preferred);
}
