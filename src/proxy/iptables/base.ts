import type { NodeSettings } from '../contract.js';
import { CHAIN } from './names.js';

/** A rule in a built-in chain that leads to ours. */
export interface Jump {
  table: 'nat' | 'filter';
  chain: string;
  rule: string;
}

const ifNew = '-m conntrack --ctstate NEW';

/** Jumps from the built-in chains, in the order in which they must stand: each is inserted at the top. */
export const jumps: readonly Jump[] = [
  { table: 'filter', chain: 'INPUT', rule: `-j ${CHAIN.localnet}` },
  { table: 'filter', chain: 'INPUT', rule: `${ifNew} -j ${CHAIN.externalServices}` },
  { table: 'filter', chain: 'INPUT', rule: `${ifNew} -j ${CHAIN.firewall}` },
  { table: 'filter', chain: 'FORWARD', rule: `${ifNew} -j ${CHAIN.externalServices}` },
  { table: 'filter', chain: 'FORWARD', rule: `${ifNew} -j ${CHAIN.services}` },
  { table: 'filter', chain: 'FORWARD', rule: `-j ${CHAIN.forward}` },
  { table: 'filter', chain: 'FORWARD', rule: `${ifNew} -j ${CHAIN.firewall}` },
  { table: 'filter', chain: 'OUTPUT', rule: `-j ${CHAIN.localnet}` },
  { table: 'filter', chain: 'OUTPUT', rule: `${ifNew} -j ${CHAIN.services}` },
  { table: 'filter', chain: 'OUTPUT', rule: `${ifNew} -j ${CHAIN.externalServices}` },
  { table: 'filter', chain: 'OUTPUT', rule: `${ifNew} -j ${CHAIN.firewall}` },
  { table: 'nat', chain: 'PREROUTING', rule: `-j ${CHAIN.services}` },
  { table: 'nat', chain: 'OUTPUT', rule: `-j ${CHAIN.services}` },
  { table: 'nat', chain: 'POSTROUTING', rule: `-j ${CHAIN.postrouting}` },
];

const mask = (mark: number) => `0x${mark.toString(16)}`;

/** Comments of the rules whose packets are counted. */
export const COUNTED = {
  invalid: 'dropped as invalid by conntrack',
  asked: 'NodePorts on loopback addresses',
  unanswered: 'no NodePort',
} as const;

const said = (comment: string) => `-m comment --comment "${comment}"`;

/**
 * The last rules of nat's service chain: NodePorts, on the chosen addresses. Loopback addresses go through a chain
 * that counts.
 */
function nodePortRules({ family, nodePortAddresses, localhostNodePorts }: NodeSettings): string[] {
  const to = `-j ${CHAIN.nodePorts}`;
  if (nodePortAddresses === 'all') {
    const loopback = family === 'IPv4' ? '127.0.0.0/8' : '::1/128';
    const rules = [`! -d ${loopback} -m addrtype --dst-type LOCAL ${to}`];
    if (localhostNodePorts) rules.push(`-d ${loopback} -m addrtype --dst-type LOCAL -j ${CHAIN.localhost}`);
    return rules;
  }
  const bits = family === 'IPv4' ? 32 : 128;
  return nodePortAddresses.flatMap((address) => {
    const isLoopback = family === 'IPv4' ? address.startsWith('127.') : address === '::1';
    if (!isLoopback) return [`-d ${address}/${bits} ${to}`];
    return localhostNodePorts ? [`-d ${address}/${bits} -j ${CHAIN.localhost}`] : [];
  });
}

/** Without this, `route_localnet` would let neighbours reach what listens on loopback addresses (issue #90259). */
const MARTIANS =
  '-m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 ' +
  '-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP';

function forwardRules({ dropInvalid }: NodeSettings, mark: string): string[] {
  return [
    ...(dropInvalid ? [`${said(COUNTED.invalid)} -m conntrack --ctstate INVALID -j DROP`] : []),
    `-m mark --mark ${mark} -j ACCEPT`,
    '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  ];
}

/** Rules of the fixed chains that come after those of the Services, by `table chain`. */
export function fixedRules(settings: NodeSettings): Map<string, string[]> {
  const bit = mask(settings.masqueradeMark);
  return new Map([
    [`nat ${CHAIN.services}`, nodePortRules(settings)],
    [`nat ${CHAIN.nodePorts}`, []],
    [`nat ${CHAIN.localhost}`, [`${said(COUNTED.asked)} -j ${CHAIN.nodePorts}`, said(COUNTED.unanswered)]],
    [`nat ${CHAIN.markMasquerade}`, [`-j MARK --or-mark ${bit}`]],
    [
      `nat ${CHAIN.postrouting}`,
      [
        `-m mark ! --mark ${bit}/${bit} -j RETURN`,
        `-j MARK --xor-mark ${bit}`,
        '-j MASQUERADE --random-fully',
      ],
    ],
    [`filter ${CHAIN.services}`, []],
    [`filter ${CHAIN.externalServices}`, []],
    [`filter ${CHAIN.firewall}`, []],
    [`filter ${CHAIN.localnet}`, settings.localhostNodePorts ? [MARTIANS] : []],
    [`filter ${CHAIN.forward}`, forwardRules(settings, `${bit}/${bit}`)],
  ]);
}
