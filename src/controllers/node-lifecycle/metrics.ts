import type { core } from '#api';
import type { Metrics } from '#base';
import { getOrMake } from '../common/maps.js';

/** Upstream's `node_collector_*` metrics (nodelifecycle/metrics.go); zones are counted when they are asked for. */
export class NodeMetrics {
  readonly #evictions: ReturnType<Metrics['counter']>;

  constructor(metrics: Metrics, nodes: () => core.Node[], isHealthy: (node: core.Node) => boolean) {
    const zones = () => {
      const found = new Map<string, { size: number; unhealthy: number }>();
      for (const node of nodes()) {
        const zone = getOrMake(found, zoneOf(node), () => ({ size: 0, unhealthy: 0 }));
        zone.size += 1;
        if (!isHealthy(node)) zone.unhealthy += 1;
      }
      return found;
    };
    const gauge = (
      name: string,
      help: string,
      value: (zone: { size: number; unhealthy: number }) => number,
    ) =>
      metrics.gauge(`node_collector_${name}`, help, ['zone'], (target) => {
        for (const [zone, counts] of zones()) target.set(value(counts), { zone });
      });
    gauge('zone_size', 'Gauge measuring number of registered Nodes per zones.', ({ size }) => size);
    gauge(
      'zone_health',
      'Gauge measuring percentage of healthy nodes per zone.',
      ({ size, unhealthy }) => (100 * (size - unhealthy)) / size,
    );
    gauge(
      'unhealthy_nodes_in_zone',
      'Gauge measuring number of not Ready Nodes per zones.',
      ({ unhealthy }) => unhealthy,
    );
    this.#evictions = metrics.counter(
      'node_collector_evictions_total',
      'Number of Node evictions that happened since current instance of NodeController started.',
      ['zone'],
    );
  }

  evicted(node: core.Node): void {
    this.#evictions.inc({ zone: zoneOf(node) });
  }
}

/** Upstream's GetZoneKey. */
function zoneOf({ metadata }: core.Node): string {
  const region = metadata.labels?.['topology.kubernetes.io/region'] ?? '';
  const zone = metadata.labels?.['topology.kubernetes.io/zone'] ?? '';
  return region === '' && zone === '' ? '' : `${region}:\0:${zone}`;
}
