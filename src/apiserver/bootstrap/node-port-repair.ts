import type { core } from '#api';
import type { Counter } from '#base';
import { formatPortRange, type NodePorts } from '../allocators/index.js';
import type { ServerDeps } from '../deps.js';
import { recordWarning } from './events.js';

const COMPONENT = 'portallocator-repair-controller';
/** A port without owner may belong to a Service that is being written; it must look leaked this often. */
const PASSES = 3;
/** Upstream's label values of the repair metrics. */
const ERROR_TYPES: Record<string, string> = {
  PortAlreadyAllocated: 'duplicate',
  PortOutOfRange: 'outOfRange',
  PortNotAllocated: 'repair',
};

/**
 * Makes the node port bitmap and the Services agree (upstream registry/core/service/portallocator/controller). Used
 * ports are marked at once; ports that nobody uses are freed on the third pass that finds them so.
 */
export class NodePortRepair {
  readonly #deps: ServerDeps;
  readonly #ports: NodePorts;
  readonly #leaks = new Map<number, number>();
  readonly #errors: Counter;

  constructor(deps: ServerDeps, ports: NodePorts) {
    this.#deps = deps;
    this.#ports = ports;
    this.#errors = deps.metrics.counter(
      'apiserver_nodeport_repair_port_errors_total',
      'Number of errors detected on ports by the repair loop broken down by type of error',
      ['type'],
    );
  }

  async run(): Promise<void> {
    // The bitmap first: a port that is taken after this is not mistaken for a leak that has lasted.
    const taken = await this.#ports.taken();
    const services = await this.#deps.store.list<core.Service>(this.#deps.kind('core.v1.Service'));
    const owners = new Map<number, core.Service>();
    const missing: number[] = [];
    for (const service of services) {
      for (const port of portsOf(service)) await this.#port(service, port, taken, owners, missing);
    }
    const freed = this.#freeable(taken, owners);
    if (missing.length === 0 && freed.length === 0) return;
    await this.#ports.replace((bitmap) => {
      for (const port of missing) if (!bitmap.has(port)) bitmap.allocate(port);
      for (const port of freed) bitmap.release(port);
      return bitmap;
    });
  }

  async #port(
    service: core.Service,
    port: number,
    taken: Set<number>,
    owners: Map<number, core.Service>,
    missing: number[],
  ): Promise<void> {
    const range = this.#ports.range;
    if (port < range.base || port >= range.base + range.size) {
      const text = `Port ${port} is not within the port range ${formatPortRange(range)}; please recreate service`;
      return this.#warn(service, 'PortOutOfRange', text);
    }
    const owner = owners.get(port);
    if (owner !== undefined && owner !== service) {
      const text = `Port ${port} was assigned to multiple services; please recreate service`;
      return this.#warn(service, 'PortAlreadyAllocated', text);
    }
    if (owner !== undefined) return;
    owners.set(port, service);
    if (taken.has(port)) return;
    missing.push(port);
    await this.#warn(service, 'PortNotAllocated', `Port ${port} is not allocated; repairing`);
  }

  #freeable(taken: Set<number>, owners: Map<number, core.Service>): number[] {
    const freed: number[] = [];
    for (const port of this.#leaks.keys()) if (!taken.has(port) || owners.has(port)) this.#leaks.delete(port);
    for (const port of taken) {
      if (owners.has(port)) continue;
      const seen = (this.#leaks.get(port) ?? 0) + 1;
      if (seen >= PASSES) {
        this.#leaks.delete(port);
        this.#errors.inc({ type: 'leak' });
        freed.push(port);
      } else this.#leaks.set(port, seen);
    }
    return freed;
  }

  #warn(service: core.Service, reason: string, message: string): Promise<void> {
    this.#errors.inc({ type: ERROR_TYPES[reason] ?? 'unknown' });
    return recordWarning(
      this.#deps,
      COMPONENT,
      { ...service, apiVersion: 'v1', kind: 'Service' },
      reason,
      message,
    );
  }
}

/** Distinct node ports of a Service, the health check port included. */
function portsOf({ spec }: core.Service): Set<number> {
  const ports = (spec?.ports ?? []).map((port) => port.nodePort ?? 0);
  const health =
    spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local' ? spec.healthCheckNodePort : 0;
  return new Set([...ports, health ?? 0].filter((port) => port !== 0));
}
