import type { core } from '#api';

/** Limits of the kubelet (validation.MaxDNSNameservers ...). */
const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARS = 2048;

export interface ResolvConf {
  nameservers: string[];
  searches: string[];
  options: string[];
}

/** Reads resolv.conf(5); later `search` lines replace earlier ones, `options` add up. */
export function parseResolvConf(text: string): ResolvConf {
  const conf: ResolvConf = { nameservers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...fields] = line.trim().split(/\s+/);
    if (keyword === undefined || keyword === '' || /^[#;]/.test(keyword)) continue;
    if (keyword === 'nameserver' && fields[0] !== undefined) conf.nameservers.push(fields[0]);
    else if (keyword === 'search')
      conf.searches = fields.map((name) => (name === '.' ? name : name.replace(/\.$/, '')));
    else if (keyword === 'domain' && fields[0] !== undefined && conf.searches.length === 0)
      conf.searches = [fields[0]];
    else if (keyword === 'options') conf.options.push(...fields);
  }
  return conf;
}

export interface DnsContext {
  clusterDNS: string[];
  clusterDomain: string;
  /** The node's own resolver configuration. */
  node: ResolvConf;
}

const unique = (list: string[]): string[] => [...new Set(list)];

function policyOf(pod: core.Pod): string {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst';
  if (policy === 'ClusterFirst' && pod.spec?.hostNetwork === true) return 'Default';
  return policy === 'ClusterFirstWithHostNet' ? 'ClusterFirst' : policy;
}

function basis(pod: core.Pod, context: DnsContext): ResolvConf {
  const policy = policyOf(pod);
  if (policy === 'None') return { nameservers: [], searches: [], options: [] };
  if (policy !== 'ClusterFirst' || context.clusterDNS.length === 0) return context.node;
  const { clusterDomain } = context;
  const cluster = [`${pod.metadata.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return {
    nameservers: context.clusterDNS,
    searches: unique([...cluster, ...context.node.searches]),
    options: ['ndots:5'],
  };
}

/** Options of dnsConfig replace those of the policy by name. */
function mergeOptions(base: string[], own: core.PodDNSConfigOption[] = []): string[] {
  const byName = new Map(base.map((option) => [option.split(':')[0]!, option]));
  for (const { name, value } of own)
    if (name !== undefined) byName.set(name, value === undefined || value === '' ? name : `${name}:${value}`);
  return [...byName.values()];
}

function limitSearches(searches: string[]): string[] {
  const kept: string[] = [];
  for (const search of searches.slice(0, MAX_SEARCHES)) {
    if ([...kept, search].join(' ').length > MAX_SEARCH_CHARS) break;
    kept.push(search);
  }
  return kept;
}

/** The text of a pod's /etc/resolv.conf by its dnsPolicy and dnsConfig (kubelet/network/dns). */
export function podResolvConf(pod: core.Pod, context: DnsContext): string {
  const base = basis(pod, context);
  const own = pod.spec?.dnsConfig;
  const nameservers = unique([...base.nameservers, ...(own?.nameservers ?? [])]).slice(0, MAX_NAMESERVERS);
  const searches = limitSearches(unique([...base.searches, ...(own?.searches ?? [])]));
  const options = mergeOptions(base.options, own?.options);
  return [
    searches.length === 0 ? '' : `search ${searches.join(' ')}\n`,
    ...nameservers.map((address) => `nameserver ${address}\n`),
    options.length === 0 ? '' : `options ${options.join(' ')}\n`,
  ].join('');
}
