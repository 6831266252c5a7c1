import type { NodeSettings } from '../contract.js';
import { type Family, parseAddress } from '../state/addresses.js';
import { type DesiredPort, type DesiredService, type Target, targetKey } from '../state/desired.js';
import { admits } from '../state/service-port.js';
import type { CountedEndpoint } from './counts.js';
import { CHAIN, generatedChain } from './names.js';

/** What one Service contributes: rules for the shared chains, and chains of its own (all in the nat table). */
export interface ServiceRules {
  /** Rules without their `-A chain`, by shared chain; keys are `table chain`. */
  readonly shared: Map<string, string[]>;
  readonly chains: Map<string, string[]>;
  /** Whose connections the endpoints' chains carry. */
  readonly endpoints: Map<string, CountedEndpoint>;
}

export const SHARED = {
  services: `nat ${CHAIN.services}`,
  nodePorts: `nat ${CHAIN.nodePorts}`,
  noEndpoints: `filter ${CHAIN.services}`,
  noExternalEndpoints: `filter ${CHAIN.externalServices}`,
  firewall: `filter ${CHAIN.firewall}`,
} as const;

const MASQUERADE = `-j ${CHAIN.markMasquerade}`;

/** Source matches of the local detector; undefined without one for the family. */
export function localMatch(settings: NodeSettings): { isLocal: string; isNotLocal: string } | undefined {
  const detector = settings.localDetector;
  if (detector?.kind === 'bridge')
    return { isLocal: `-i ${detector.name}`, isNotLocal: `! -i ${detector.name}` };
  if (detector?.kind === 'prefix')
    return { isLocal: `-i ${detector.prefix}+`, isNotLocal: `! -i ${detector.prefix}+` };
  // Several ranges of one family cannot be negated in one rule; configurations have one.
  const cidr = detector?.cidrs.find(({ family }) => family === settings.family);
  return cidr === undefined ? undefined : { isLocal: `-s ${cidr.text}`, isNotLocal: `! -s ${cidr.text}` };
}

class Builder {
  readonly rules: ServiceRules = { shared: new Map(), chains: new Map(), endpoints: new Map() };
  readonly #settings: NodeSettings;

  readonly #canHash: boolean;

  constructor(settings: NodeSettings, canHash: boolean) {
    this.#settings = settings;
    this.#canHash = canHash;
  }

  port(desired: DesiredPort): void {
    const { port } = desired;
    if (port.clusterIP !== '') this.#clusterIP(desired);
    const vips = new Set([...port.externalIPs, ...port.loadBalancerVIPs]);
    vips.delete(port.clusterIP);
    if (vips.size > 0 || port.nodePort !== 0) this.#external(desired, [...vips]);
  }

  #share(key: string, rule: string): void {
    this.rules.shared.set(key, [...(this.rules.shared.get(key) ?? []), rule]);
  }

  #socket({ port }: DesiredPort, address: string): string {
    const protocol = port.protocol.toLowerCase();
    return `-d ${hostCidr(address, this.#settings.family)} -p ${protocol} -m ${protocol} --dport ${port.port}`;
  }

  #clusterIP(desired: DesiredPort): void {
    const { port } = desired;
    const match = `${comment(desired, 'cluster IP')} ${this.#socket(desired, port.clusterIP)}`;
    const verdict = leftover(desired, port.internalLocal);
    if (verdict !== undefined) {
      this.#share(SHARED.noEndpoints, `${match} -j ${verdict}`);
      return;
    }
    this.#share(
      SHARED.services,
      `${match} -j ${this.#list(desired, port.internalLocal ? 'local' : 'cluster')}`,
    );
  }

  #external(desired: DesiredPort, vips: string[]): void {
    const { port } = desired;
    const verdict = leftover(desired, port.externalLocal);
    const chain = desired.hasAny ? this.#externalChain(desired) : undefined;
    for (const vip of vips) {
      const isLoadBalancer = port.loadBalancerVIPs.includes(vip);
      const match = `${comment(desired, isLoadBalancer ? 'loadbalancer IP' : 'external IP')} ${this.#socket(desired, vip)}`;
      // Without endpoints everybody is refused, as upstream; the ranges have nothing left to guard.
      const firewalled = isLoadBalancer && port.sourceRanges !== undefined && chain !== undefined;
      if (chain !== undefined) {
        this.#share(SHARED.services, `${match} -j ${firewalled ? this.#firewall(desired, chain) : chain}`);
      }
      // Only packets that the firewall chain did not send on still have this destination.
      if (firewalled) this.#share(SHARED.firewall, `${match} -j DROP`);
      if (verdict !== undefined) this.#share(SHARED.noExternalEndpoints, `${match} -j ${verdict}`);
    }
    if (port.nodePort === 0) return;
    const protocol = port.protocol.toLowerCase();
    const match = `${comment(desired, 'node port')} -p ${protocol} -m ${protocol} --dport ${port.nodePort}`;
    if (chain !== undefined) this.#share(SHARED.nodePorts, `${match} -j ${chain}`);
    if (verdict !== undefined) {
      this.#share(SHARED.noExternalEndpoints, `-m addrtype --dst-type LOCAL ${match} -j ${verdict}`);
    }
  }

  #firewall(desired: DesiredPort, target: string): string {
    const { port } = desired;
    const name = generatedChain('FW', port.id);
    const nodeIP = this.#settings.nodeIP === undefined ? undefined : parseAddress(this.#settings.nodeIP);
    const sources = port.sourceRanges!.map((range) => range.text);
    if (nodeIP !== undefined && admits(port.sourceRanges!, nodeIP)) {
      sources.push(...port.loadBalancerVIPs.map((vip) => hostCidr(vip, this.#settings.family)));
    }
    this.rules.chains.set(
      name,
      sources.map((source) => `-s ${source} -j ${target}`),
    );
    return name;
  }

  #externalChain(desired: DesiredPort): string {
    const { port } = desired;
    const name = generatedChain('EXT', port.id);
    const cluster = desired.cluster.length > 0 ? `-j ${this.#list(desired, 'cluster')}` : undefined;
    const rules: string[] = [];
    if (!port.externalLocal) {
      rules.push(MASQUERADE, ...(cluster === undefined ? [] : [cluster]));
    } else {
      const source = localMatch(this.#settings);
      if (source !== undefined && cluster !== undefined) rules.push(`${source.isLocal} ${cluster}`);
      rules.push(`-m addrtype --src-type LOCAL ${MASQUERADE}`);
      if (cluster !== undefined) rules.push(`-m addrtype --src-type LOCAL ${cluster}`);
      if (desired.local.length > 0) rules.push(`-j ${this.#list(desired, 'local')}`);
    }
    this.rules.chains.set(name, rules);
    return name;
  }

  /** The chain that picks one endpoint of a list. */
  #list(desired: DesiredPort, which: 'cluster' | 'local'): string {
    const { port } = desired;
    const name = generatedChain(which === 'cluster' ? 'SVC' : 'SVL', port.id);
    if (this.rules.chains.has(name)) return name;
    const list = desired[which];
    const endpoints = list.map((target) => this.#endpoint(desired, target));
    const rules = this.#masqueradeClusterIP(desired);
    if (port.affinitySeconds !== undefined) {
      for (const chain of new Set(endpoints)) {
        rules.push(`-m recent --name ${chain} --rcheck --seconds ${port.affinitySeconds} --reap -j ${chain}`);
      }
    }
    for (const [i, chain] of endpoints.entries())
      rules.push(`${this.#pick(desired, i, list.length)}-j ${chain}`);
    this.rules.chains.set(name, rules);
    return name;
  }

  /** The match that takes the new connections of one of `count` endpoints; the last one takes what is left. */
  #pick({ port }: DesiredPort, index: number, count: number): string {
    const remaining = count - index;
    if (remaining === 1) return '';
    if (port.algorithm === 'source-hash' && this.#canHash && count <= MOST_HASHED) {
      return `-m cluster --cluster-total-nodes ${count} --cluster-local-node ${index + 1} --cluster-hash-seed ${HASH_SEED} `;
    }
    if (port.algorithm === 'round-robin') return `-m statistic --mode nth --every ${remaining} --packet 0 `;
    return `-m statistic --mode random --probability ${(1 / remaining).toFixed(10)} `;
  }

  #masqueradeClusterIP(desired: DesiredPort): string[] {
    const { port } = desired;
    if (port.clusterIP === '') return [];
    const socket = this.#socket(desired, port.clusterIP);
    if (this.#settings.masqueradeAll) return [`${socket} ${MASQUERADE}`];
    const source = localMatch(this.#settings);
    return source === undefined ? [] : [`${source.isNotLocal} ${socket} ${MASQUERADE}`];
  }

  #endpoint({ port }: DesiredPort, target: Target): string {
    const name = generatedChain('SEP', `${port.id} ${targetKey(target)}`);
    const family = this.#settings.family;
    const to = family === 'IPv4' ? `${target.ip}:${target.port}` : `[${target.ip}]:${target.port}`;
    const protocol = port.protocol.toLowerCase();
    const remember = port.affinitySeconds === undefined ? '' : `-m recent --name ${name} --set `;
    this.rules.endpoints.set(name, { port, target });
    this.rules.chains.set(name, [
      `-s ${hostCidr(target.ip, family)} ${MASQUERADE}`,
      `-p ${protocol} ${remember}-m ${protocol} -j DNAT --to-destination ${to}`,
    ]);
    return name;
  }
}

function hostCidr(address: string, family: Family): string {
  return `${address}/${family === 'IPv4' ? 32 : 128}`;
}

function comment({ port }: DesiredPort, what: string): string {
  const name = port.portName === '' ? port.service : `${port.service}:${port.portName}`;
  return `-m comment --comment "${name} ${what}"`;
}

function leftover(desired: DesiredPort, isLocalPolicy: boolean): 'REJECT' | 'DROP' | undefined {
  if (!desired.hasAny) return 'REJECT';
  return isLocalPolicy && desired.local.length === 0 ? 'DROP' : undefined;
}

/** xt_cluster tells that many apart; longer lists are chosen from at random. */
const MOST_HASHED = 32;
/** Fixed, so that a source keeps its endpoint across restarts and reaches the same one through any node. */
const HASH_SEED = '0x6b756265';
/** A rule that the kernel takes only if it can hash sources. */
export const HASHING_RULE = `-m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed ${HASH_SEED} -j RETURN`;

/**
 * Everything that a Service contributes to the iptables tables. Pure.
 *
 * @param canHash whether the kernel has xt_cluster, which source hash needs; without it the choice is random
 */
export function serviceRules(service: DesiredService, settings: NodeSettings, canHash = true): ServiceRules {
  const builder = new Builder(settings, canHash);
  for (const desired of service.ports) builder.port(desired);
  return builder.rules;
}
