import type { ConnectionCount, CountDetail } from '../contract.js';
import { type Family, parseAddress } from '../state/addresses.js';
import type { DesiredPort, DesiredService, Target } from '../state/desired.js';
import type { ServicePort } from '../state/service-port.js';
import { countingObjects, endpointMap, LIST_KINDS } from './lists.js';
import { type Generation, l4, nftFamily, TABLE } from './names.js';

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

/** Key of a destination as counted in a map: `protocol address port`, or `protocol port` for NodePorts. */
function destinationsOf({ port }: DesiredPort): string[] {
  const protocol = l4(port.protocol);
  const addresses = [port.clusterIP, ...port.externalIPs, ...port.loadBalancerVIPs];
  const keys = addresses.map((address) => `${protocol} ${address} ${port.port}`);
  return port.nodePort === 0 ? keys : [...keys, `${protocol} ${port.nodePort}`];
}

const ADDRESS = '([0-9a-f.:]+)';
const COUNTER = 'counter packets (\\d+) bytes \\d+';
/** `[address . ]port . index counter … : address . port` */
const ENDPOINT = new RegExp(`(?:${ADDRESS} \\. )?(\\d+) \\. \\d+ ${COUNTER} : ${ADDRESS} \\. (\\d+)`, 'g');
/** `index counter … : address . port` */
const ROTATING = new RegExp(`\\d+ ${COUNTER} : ${ADDRESS} \\. (\\d+)`, 'g');
const STICKY = new RegExp(`${COUNTER} dnat (?:ip6? )?to (?:\\[([0-9a-f:]+)\\]|([0-9.]+)):(\\d+)`, 'g');
const REMEMBERED = new RegExp(`update @\\S+ \\{[^}]*\\} ${COUNTER}`);
/** `[address . ]protocol . port counter … : verdict` */
const DISPATCH = new RegExp(`(?:${ADDRESS} \\. )?(tcp|udp|sctp) \\. (\\d+) ${COUNTER}`, 'g');

/**
 * Reads what the elements and rules of the table have counted, in one listing of the objects that count. The lists
 * are as long as the table: callers choose the detail by its size.
 */
export class CountReader {
  readonly #family: Family;
  readonly #generation: Generation;
  /** Who owns a destination, and who an object of its own. */
  readonly #owners = new Map<string, ServicePort>();
  readonly #objects = new Map<string, { kind: string; port: ServicePort }>();

  constructor(family: Family, generation: Generation, services: Iterable<DesiredService>) {
    this.#family = family;
    this.#generation = generation;
    for (const { ports } of services) {
      for (const desired of ports) {
        for (const key of destinationsOf(desired)) this.#owners.set(key, desired.port);
        for (const { kind, name } of countingObjects(desired)) {
          this.#objects.set(name, { kind, port: desired.port });
        }
      }
    }
  }

  /** What to list, as `kind family table name`. */
  objects(detail: CountDetail): string[] {
    const path = `${nftFamily(this.#family)} ${TABLE}`;
    const generation = this.#generation;
    if (detail === 'service') {
      return ['service-ips', 'service-nodeports'].map((name) => `map ${path} ${name}${generation}`);
    }
    const maps = PROTOCOLS.flatMap((protocol) =>
      LIST_KINDS.map((kind) => endpointMap(kind, protocol, generation)),
    );
    const own = [...this.#objects].map(([name, { kind }]) => `${kind} ${path} ${name}`);
    return [...maps.map((name) => `map ${path} ${name}`), ...own];
  }

  /** Sums per port, and per endpoint if asked for, what a listing of `objects` tells. Owners that are gone are left out. */
  parse(listing: string, detail: CountDetail): ConnectionCount[] {
    const totals = new Map<string, ConnectionCount>();
    const add: Add = (port, endpoint, packets, remembered = packets) => {
      if (port === undefined) return;
      const key = `${port.id} ${endpoint?.ip} ${endpoint?.port}`;
      const { service, portName, protocol } = port;
      const known = totals.get(key);
      const connections = (known?.connections ?? 0) + Number(packets);
      const unremembered = (known?.unremembered ?? 0) + Number(packets) - Number(remembered);
      totals.set(key, { service, portName, protocol, endpoint, connections, unremembered });
    };
    for (const [, name, text] of listing.matchAll(/^\t(?:map|chain) (\S+) \{\n([\s\S]*?)^\t\}/gm)) {
      if (detail === 'service') this.#dispatch(text!, add);
      else this.#endpoints(name!, text!, add);
    }
    return [...totals.values()];
  }

  #dispatch(text: string, add: Add): void {
    for (const [, address, protocol, port, packets] of text.matchAll(DISPATCH)) {
      add(this.#owner(protocol!, address, port!), undefined, packets!);
    }
  }

  #endpoints(name: string, text: string, add: Add): void {
    const own = this.#objects.get(name);
    if (own?.kind === 'map') {
      for (const [, packets, ip, port] of text.matchAll(ROTATING))
        add(own.port, target(ip!, port!), packets!);
    } else if (own !== undefined) {
      const remembered = REMEMBERED.exec(text)?.[1];
      for (const [, packets, v6, v4, port] of text.matchAll(STICKY)) {
        add(own.port, target(v6 ?? v4!, port!), packets!, remembered);
      }
    } else {
      const protocol = /endpoints-(tcp|udp|sctp)/.exec(name)?.[1] ?? '';
      for (const [, address, port, packets, ip, at] of text.matchAll(ENDPOINT)) {
        add(this.#owner(protocol, address, port!), target(ip!, at!), packets!);
      }
    }
  }

  #owner(protocol: string, address: string | undefined, port: string): ServicePort | undefined {
    if (address === undefined) return this.#owners.get(`${protocol} ${port}`);
    return this.#owners.get(`${protocol} ${parseAddress(address)?.text ?? address} ${port}`);
  }
}

type Add = (
  port: ServicePort | undefined,
  endpoint: Target | undefined,
  packets: string,
  /** How many of them affinity could remember; default: all. */
  remembered?: string,
) => void;

function target(ip: string, port: string): Target {
  return { ip: parseAddress(ip)?.text ?? ip, port: Number(port) };
}
