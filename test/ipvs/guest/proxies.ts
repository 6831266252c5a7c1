import type { core, discovery } from '#api';
import { type Clock, createMetrics, type Startable, silentLogger, systemClock } from '#base';
import { createInformerFactory, Resources } from '#client';
import type { IptablesBackend } from '#host';
import { createProxy, loadProxyConfig, type ProxyMode, type SyncedEvent } from '#proxy';
import { FakeClient } from '../../../src/client/testing/fake-client.js';
import type { Lab, LabPod } from '../../kernel/proxy-lab.js';

export interface ModeUnderTest {
  mode: ProxyMode;
  backend?: IptablesBackend;
  /** How often ipvs mode looks for damage, before `SPEED`. */
  syncPeriod?: string;
}

/** Timers run this many times faster: what waits for a minute, waits for seconds. */
const SPEED = 20;
const fastClock: Clock = {
  ...systemClock,
  after: (ms, work) => systemClock.after(ms / SPEED, work),
};

/** A cluster of one proxy on the lab's first node. Its Services are IPv4; ipvs mode starts both families at once. */
export class ProxyUnderTest {
  readonly api = new FakeClient();
  readonly #lab: Lab;
  readonly #synced: SyncedEvent[] = [];
  #wake: () => void = () => {};
  #running: Startable | undefined;

  constructor(lab: Lab) {
    this.#lab = lab;
    const node = lab.nodes[0]!;
    this.api.seed(Resources.nodes, {
      metadata: { name: node.name },
      status: { addresses: [{ type: 'InternalIP', address: node.ip }] },
    });
  }

  /** Replaces the proxy that runs by one in this mode; what the old one wrote stays until the new one has taken over. */
  async start({ mode, backend, syncPeriod = '10m' }: ModeUnderTest): Promise<void> {
    await this.stop();
    const node = this.#lab.nodes[0]!;
    const { config } = loadProxyConfig('', {
      mode,
      clusterCIDR: '10.244.0.0/16',
      healthzBindAddress: '',
      metricsBindAddress: '',
      iptables: { minSyncPeriod: '1ms' },
      ipvs: { syncPeriod },
      nodePortAddresses: ['primary'],
    });
    this.#running = createProxy(
      {
        config,
        nodeName: node.name,
        families: mode === 'ipvs' ? ['IPv4', 'IPv6'] : ['IPv4'],
        localAddresses: () => ['127.0.0.1', node.ip],
        ...(backend === undefined ? {} : { iptablesBackend: backend }),
        onSynced: (event) => {
          this.#synced.push(event);
          this.#wake();
        },
      },
      {
        client: this.api,
        informers: createInformerFactory(this.api, { logger: silentLogger }),
        programs: node.ns.programs,
        logger: silentLogger,
        metrics: createMetrics(),
        clock: fastClock,
      },
    );
    await this.#running.start();
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
  }

  /** Makes a change and resolves when it is in the kernel. */
  async synced(change: () => void): Promise<void> {
    const from = this.#synced.length;
    change();
    while (this.#synced.length === from) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  service(name: string, clusterIP: string, spec: core.ServiceSpec, lbIPs: string[] = []): void {
    this.api.seed(Resources.services, {
      metadata: { name, namespace: 'default' },
      spec: { clusterIP, clusterIPs: [clusterIP], ...spec },
      ...(lbIPs.length === 0 ? {} : { status: { loadBalancer: { ingress: lbIPs.map((ip) => ({ ip })) } } }),
    });
  }

  endpoints(service: string, ports: discovery.EndpointPort[], pods: LabPod[]): void {
    this.api.seed(Resources.endpointSlices, {
      metadata: {
        name: `${service}-1`,
        namespace: 'default',
        labels: { 'kubernetes.io/service-name': service },
      },
      addressType: 'IPv4',
      ports,
      endpoints: pods.map((pod) => ({ addresses: [pod.ip], nodeName: pod.node.name })),
    });
  }
}
