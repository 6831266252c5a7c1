import { type core, objectKey } from '#api';
import { isBelow, lower, type Name } from '../wire/name.js';
import { addressOctets, fromOctets, reverseOctets, toAddresses, undashedOctets } from './addresses.js';
import type { ClusterState } from './cluster-state.js';
import { importNode } from './imports.js';
import type { NameNode } from './node.js';
import { endpointsOf } from './packed-slice.js';
import { endpointNode, isHeadless, type ServiceOptions, serviceNode, zonalNode } from './services.js';

const DNS_VERSION = '1.1.0';
const DNS_VERSION_TTL = 28_800;

export interface ClusterZoneOptions {
  /** All zones served, lower case: one or more forward zones, and reverse zones. */
  zones: Name[];
  pods: 'disabled' | 'insecure' | 'verified';
  endpointPodNames: boolean;
  ignoreEmptyService: boolean;
  /** Zones of a cluster set among `zones`: names of ServiceImports. */
  multicluster: Name[];
  /** `<zone>.pin._zone` and `<zone>.prefer._zone` below headless Services. */
  zonal: boolean;
  /** Which namespaces are answered for. */
  exposed: (namespace: core.Namespace) => boolean;
  /** This server's own addresses: `ns.dns.<zone>`. */
  localIps: () => string[];
}

/** Finds names in the zones of a cluster (DNS specification 1.1.0, CoreDNS plugin/kubernetes). Pure over its state. */
export class ClusterZone {
  readonly #state: ClusterState;
  readonly #options: ClusterZoneOptions;

  constructor(state: ClusterState, options: ClusterZoneOptions) {
    this.#state = state;
    this.#options = options;
  }

  /** The zone that the (lower-case) name belongs to, longest match. */
  zoneOf(labels: Name): Name | undefined {
    let best: Name | undefined;
    for (const zone of this.#options.zones) {
      if (isBelow(labels, zone) && (best === undefined || zone.length > best.length)) best = zone;
    }
    return best;
  }

  /** The node of a lower-case name in a zone, or undefined when it does not exist. */
  find(labels: Name, zone: Name): NameNode | undefined {
    if (isReverse(zone)) return labels.length === zone.length ? { apex: true } : this.#reverse(labels);
    return this.#forward(labels.slice(0, labels.length - zone.length), zone);
  }

  #forward(rel: Name, zone: Name): NameNode | undefined {
    if (rel.length === 0) return { apex: true };
    const kind = rel[rel.length - 1];
    if (kind === 'svc') return this.#service(rel.slice(0, -1), zone);
    if (kind === 'pod') return this.#pod(rel.slice(0, -1));
    if (rel.length === 1 && rel[0] === 'dns-version')
      return { txt: { strings: [DNS_VERSION], ttl: DNS_VERSION_TTL } };
    if (kind === 'dns' && rel.length === 1) return {};
    if (kind === 'dns' && rel.length === 2 && rel[0] === 'ns')
      return { addresses: toAddresses(this.#options.localIps()) };
    return undefined;
  }

  #service(rel: Name, zone: Name): NameNode | undefined {
    if (rel.length === 0) return {};
    const namespace = this.#namespace(rel[rel.length - 1]!);
    if (namespace === undefined) return undefined;
    if (rel.length === 1) return {};
    if (this.#options.multicluster.includes(zone))
      return importNode(this.#state, rel, this.#serviceOptions(zone));
    const service = this.#state.service(namespace, rel[rel.length - 2]!);
    if (service === undefined) return undefined;
    const options = this.#serviceOptions(zone);
    if (rel.length === 2) return serviceNode(this.#state, service, undefined, options);
    if (rel.length === 3) return this.#belowService(rel[0]!, service, options);
    if (rel.at(-3) === '_zone' && this.#options.zonal && isHeadless(service))
      return this.#zonal(rel.slice(0, -3), service, options);
    if (rel.length !== 4) return undefined;
    const filter = { port: stripUnderscore(rel[0]!), protocol: stripUnderscore(rel[1]!) };
    return serviceNode(this.#state, service, filter, options);
  }

  /** What is left of `_zone.<service>`; the names between exist where the ones below them do. */
  #zonal(left: Name, service: core.Service, options: ServiceOptions): NameNode | undefined {
    const directive = left.at(-1);
    if (left.length > 2 || (directive !== 'pin' && directive !== 'prefer')) return undefined;
    const node = zonalNode(this.#state, service, ['', directive], options);
    return left.length === 1 ? node && {} : zonalNode(this.#state, service, left, options);
  }

  /** `_tcp.<service>` is an empty non-terminal above its ports; anything else here is an endpoint. */
  #belowService(label: string, service: core.Service, options: ServiceOptions): NameNode | undefined {
    const endpoint =
      label === '_zone' && this.#options.zonal && isHeadless(service)
        ? serviceNode(this.#state, service, undefined, options) && {}
        : endpointNode(this.#state, service, [label], options);
    if (endpoint !== undefined || !label.startsWith('_') || service.spec?.type === 'ExternalName')
      return endpoint;
    const protocol = label.slice(1);
    const named = (service.spec?.ports ?? []).some((p) => {
      if (lower(p.protocol ?? 'TCP') !== protocol || (p.name ?? '') === '') return false;
      return serviceNode(this.#state, service, { port: lower(p.name!), protocol }, options) !== undefined;
    });
    return named ? {} : undefined;
  }

  #serviceOptions(zone: Name): ServiceOptions {
    const { endpointPodNames, ignoreEmptyService } = this.#options;
    return { zone, endpointPodNames, ignoreEmptyService };
  }

  #namespace(name: string): string | undefined {
    const namespace = this.#state.namespace(name);
    return namespace !== undefined && this.#options.exposed(namespace) ? name : undefined;
  }

  #pod(rel: Name): NameNode | undefined {
    if (rel.length === 0) return {};
    if (this.#options.pods === 'disabled') return undefined;
    const namespace = this.#namespace(rel[rel.length - 1]!);
    if (namespace === undefined || rel.length > 2) return undefined;
    if (rel.length === 1) return {};
    const octets = undashedOctets(rel[0]!);
    if (octets === undefined) return undefined;
    const verified = this.#options.pods === 'verified';
    if (verified && !this.#state.podsByIp(octets).some((p) => p.metadata.namespace === namespace))
      return undefined;
    return { addresses: fromOctets([octets]) };
  }

  /** A ClusterIP names its Service; any other address names the endpoints that have it. */
  #reverse(labels: Name): NameNode | undefined {
    const octets = reverseOctets(labels);
    const zone = this.#options.zones.find((z) => !isReverse(z));
    if (octets === undefined || zone === undefined) return undefined;
    const services = this.#state
      .servicesByIp(octets)
      .filter((s) => this.#namespace(s.metadata.namespace!) !== undefined);
    if (services.length > 0) return { ptr: [serviceName(services[0]!, zone)] };
    const names = this.#endpointNames(octets, zone);
    return names.length === 0 ? undefined : { ptr: names };
  }

  #endpointNames(octets: string, zone: Name): Name[] {
    const names = new Map<string, Name>();
    for (const slice of this.#state.slicesByIp(octets)) {
      const { namespace } = slice.metadata;
      if (slice.service === '' || this.#namespace(namespace!) === undefined) continue;
      for (const endpoint of endpointsOf(slice, this.#options.endpointPodNames)) {
        if (endpoint.octets !== octets || !endpoint.ready) continue;
        const name = [endpoint.name, slice.service, namespace!, 'svc', ...zone];
        names.set(name.join('.'), name);
      }
    }
    return [...names.values()];
  }

  /** The NS names of a zone: the Services that have one of this server's addresses, else `ns.dns.<zone>`. */
  nameServers(zone: Name): { name: Name; addresses: ReturnType<typeof toAddresses> }[] {
    const forward = isReverse(zone) ? (this.#options.zones.find((z) => !isReverse(z)) ?? zone) : zone;
    const local = this.#options.localIps();
    const services = new Map<string, core.Service>();
    for (const ip of local) {
      for (const slice of this.#state.slicesByIp(addressOctets(ip) ?? '')) {
        const service = this.#state.service(slice.metadata.namespace!, slice.service);
        const serves = service?.spec?.ports?.some((p) => p.port === 53) === true;
        if (service !== undefined && serves) services.set(objectKey(service), service);
      }
    }
    const named = [...services.values()].map((s) => ({
      name: serviceName(s, forward),
      addresses: toAddresses(s.spec?.clusterIPs ?? []),
    }));
    return named.length > 0 ? named : [{ name: ['ns', 'dns', ...forward], addresses: toAddresses(local) }];
  }
}

function serviceName(service: core.Service, zone: Name): Name {
  return [service.metadata.name!, service.metadata.namespace!, 'svc', ...zone];
}

function stripUnderscore(label: string): string {
  return label.startsWith('_') ? label.slice(1) : label;
}

export function isReverse(zone: Name): boolean {
  return (
    zone.length >= 2 &&
    zone[zone.length - 1] === 'arpa' &&
    (zone[zone.length - 2] === 'in-addr' || zone[zone.length - 2] === 'ip6')
  );
}
