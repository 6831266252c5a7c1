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
  { table: 'filter', chain: 'INPUT', rule: `${ifNew} -j ${CHAIN.externalServices}` },
  { table: 'filter', chain: 'INPUT', rule: `${ifNew} -j ${CHAIN.firewall}` },
  { table: 'filter', chain: 'FORWARD', rule: `${ifNew} -j ${CHAIN.externalServices}` },
  { table: 'filter', chain: 'FORWARD', rule: `${ifNew} -j ${CHAIN.services}` },
  { table: 'filter', chain: 'FORWARD', rule: `-j ${CHAIN.forward}` },
  { table: 'filter', chain: 'FORWARD', rule: `${ifNew} -j ${CHAIN.firewall}` },
  { table: 'filter', chain: 'OUTPUT', rule: `${ifNew} -j ${CHAIN.services}` },
  { table: 'filter', chain: 'OUTPUT', rule: `${ifNew} -j ${CHAIN.externalServices}` },
  { table: 'filter', chain: 'OUTPUT', rule: `${ifNew} -j ${CHAIN.firewall}` },
  { table: 'nat', chain: 'PREROUTING', rule: `-j ${CHAIN.services}` },
  { table: 'nat', chain: 'OUTPUT', rule: `-j ${CHAIN.services}` },
  { table: 'nat', chain: 'POSTROUTING', rule: `-j ${CHAIN.postrouting}` },
];

const mask = (mark: number) => `0x${mark.toString(16)}`;

/** The last rules of nat's service chain: NodePorts, on the chosen addresses, never on loopback. */
function nodePortRules(settings: NodeSettings): string[] {
  const to = `-j ${CHAIN.nodePorts}`;
  const bits = settings.family === 'IPv4' ? 32 : 128;
  if (settings.nodePortAddresses !== 'all') {
    return settings.nodePortAddresses.map((address) => `-d ${address}/${bits} ${to}`);
  }
  const loopback = settings.family === 'IPv4' ? '127.0.0.0/8' : '::1/128';
  return [`! -d ${loopback} -m addrtype --dst-type LOCAL ${to}`];
}

/** Rules of the fixed chains that come after those of the Services, by `table chain`. */
export function fixedRules(settings: NodeSettings): Map<string, string[]> {
  const mark = `${mask(settings.masqueradeMark)}/${mask(settings.masqueradeMark)}`;
  return new Map([
    [`nat ${CHAIN.services}`, nodePortRules(settings)],
    [`nat ${CHAIN.nodePorts}`, []],
    [`nat ${CHAIN.markMasquerade}`, [`-j MARK --or-mark ${mask(settings.masqueradeMark)}`]],
    [
      `nat ${CHAIN.postrouting}`,
      [
        `-m mark ! --mark ${mark} -j RETURN`,
        `-j MARK --xor-mark ${mask(settings.masqueradeMark)}`,
        '-j MASQUERADE --random-fully',
      ],
    ],
    [`filter ${CHAIN.services}`, []],
    [`filter ${CHAIN.externalServices}`, []],
    [`filter ${CHAIN.firewall}`, []],
    [
      `filter ${CHAIN.forward}`,
      [`-m mark --mark ${mark} -j ACCEPT`, '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'],
    ],
  ]);
}
