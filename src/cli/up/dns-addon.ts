import { type core, type discovery, isAlreadyExists, isNotFound } from '#api';
import type { Logger, Startable } from '#base';
import { type Client, createWorkQueue, type InformerFactory, Resources } from '#client';
import { CLUSTER_COREFILE } from '#dns';
import { clusterCorefile } from '../compose/cluster-corefile.js';

const NAMESPACE = 'kube-system';
const NAME = 'kube-dns';
const SLICE = 'kube-dns-nodes';
/** The queue's other key. */
const COREFILE = 'corefile';

/**
 * The Service `kube-dns`: a fixed ClusterIP whose endpoints are the DNS servers of the Ready nodes, found and balanced
 * by our own proxy. Each endpoint is hinted for its own node, so that a Pod's queries stay on its node while
 * that node's server is there. The slice has no controller behind it (the Service has no selector); this is it.
 */
export function createDnsAddon(options: {
  client: Client;
  informers: InformerFactory;
  clusterIp: string;
  clusterDomain: string;
  logger: Logger;
}): Startable {
  const { client, logger } = options;
  const nodes = options.informers.informer(Resources.nodes);
  const queue = createWorkQueue({
    name: 'dns-addon',
    onError: (_key, error) => logger.warn('kube-dns endpoints not written', { err: error }),
  });
  let unsubscribe = () => {};
  return {
    async start() {
      const changed = () => queue.add(NAME);
      unsubscribe = nodes.on({ add: changed, update: changed, delete: changed });
      queue.add(NAME);
      queue.add(COREFILE);
      queue.run(1, async (key) => {
        if (key === COREFILE) return ensureCorefile(client, options.clusterDomain);
        await ensureService(client, options.clusterIp);
        await ensureSlice(client, nodes.list());
      });
    },
    async stop() {
      unsubscribe();
      await queue.shutDown();
    },
  };
}

async function ensureService(client: Client, clusterIP: string): Promise<void> {
  const service: core.Service = {
    metadata: {
      name: NAME,
      namespace: NAMESPACE,
      labels: {
        'k8s-app': 'kube-dns',
        'kubernetes.io/cluster-service': 'true',
        'kubernetes.io/name': 'CoreDNS',
      },
    },
    spec: {
      clusterIP,
      trafficDistribution: 'PreferSameNode',
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ],
    },
  };
  const services = client.resource(Resources.services);
  // A second create would fail on the taken address before anyone looks at the name.
  const present = await services.get(NAME, NAMESPACE).catch(ignoreMissing);
  if (present === undefined) await services.create(service).catch(ignoreExisting);
}

/** ConfigMap `coredns` as kubeadm makes it, and leave for the servers to follow it: upstream's role has none, its Pod mounts it. */
async function ensureCorefile(client: Client, clusterDomain: string): Promise<void> {
  const { namespace, name, key } = CLUSTER_COREFILE;
  const metadata = { name: 'kubesvc:corefile-reader', namespace };
  const apiGroup = 'rbac.authorization.k8s.io';
  const rule = {
    apiGroups: [''],
    resources: ['configmaps'],
    resourceNames: [name],
    verbs: ['get', 'list', 'watch'],
  };
  await client
    .resource(Resources.roles)
    .create({ metadata, rules: [rule] })
    .catch(ignoreExisting);
  await client
    .resource(Resources.roleBindings)
    .create({
      metadata,
      roleRef: { apiGroup, kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: 'coredns', namespace }],
    })
    .catch(ignoreExisting);
  await client
    .resource(Resources.configMaps)
    .create({ metadata: { name, namespace }, data: { [key]: clusterCorefile(clusterDomain) } })
    .catch(ignoreExisting);
}

async function ensureSlice(client: Client, nodes: core.Node[]): Promise<void> {
  const slices = client.resource(Resources.endpointSlices);
  const wanted: discovery.EndpointSlice = {
    metadata: {
      name: SLICE,
      namespace: NAMESPACE,
      labels: {
        'kubernetes.io/service-name': NAME,
        'endpointslice.kubernetes.io/managed-by': 'dns-addon.kubesvc.dev',
      },
    },
    addressType: 'IPv4',
    ports: [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    ],
    endpoints: nodes.flatMap(endpointOf).sort((a, b) => (a.nodeName! < b.nodeName! ? -1 : 1)),
  };
  const present = await slices.get(SLICE, NAMESPACE).catch(ignoreMissing);
  if (present === undefined) await slices.create(wanted).catch(ignoreExisting);
  else if (JSON.stringify(summary(present)) !== JSON.stringify(summary(wanted))) {
    await slices.update({ ...present, endpoints: wanted.endpoints! });
  }
}

function endpointOf(node: core.Node): discovery.Endpoint[] {
  const address = node.status?.addresses?.find((a) => a.type === 'InternalIP')?.address;
  const ready = node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true;
  if (address === undefined) return [];
  const nodeName = node.metadata.name!;
  return [
    { addresses: [address], conditions: { ready }, nodeName, hints: { forNodes: [{ name: nodeName }] } },
  ];
}

function summary(slice: discovery.EndpointSlice) {
  return (slice.endpoints ?? []).map((e) => [e.addresses, e.nodeName, e.conditions?.ready]);
}

function ignoreMissing(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
  return undefined;
}

function ignoreExisting(error: unknown): void {
  if (!isAlreadyExists(error)) throw error;
}
