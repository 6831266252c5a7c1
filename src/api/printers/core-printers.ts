import type { coordination, core, events } from '../types/index.js';
import {
  age,
  ageColumn,
  column,
  containerCells,
  formatLabels,
  joinHostPort,
  listWithMore,
  nameColumn,
  type Printer,
  printer,
  wideNameColumn,
} from './columns.js';
import { timeSince } from './duration.js';

const NONE = '<none>';
const MAX_ENDPOINTS = 3;

/** Addresses or names that a load balancer is reached by. */
export function loadBalancerText(points: { ip?: string; hostname?: string }[] = []): string {
  const names = new Set(
    points.map((point) => point.ip || point.hostname || '').filter((name) => name !== ''),
  );
  return [...names].sort().join(',');
}

function externalIP(service: core.Service): string {
  const spec = service.spec ?? {};
  const externalIPs = spec.externalIPs ?? [];
  switch (spec.type) {
    case 'ClusterIP':
    case 'NodePort':
      return externalIPs.join(',') || NONE;
    case 'LoadBalancer': {
      const balancer = loadBalancerText(service.status?.loadBalancer?.ingress);
      return [balancer, ...externalIPs].filter((text) => text !== '').join(',') || '<pending>';
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}

function portText(port: core.ServicePort): string {
  const node = (port.nodePort ?? 0) > 0 ? `:${port.nodePort}` : '';
  return `${port.port}${node}/${port.protocol}`;
}

const servicePrinter = printer<core.Service>(
  [
    nameColumn,
    column('Type', 'string', 'type determines how the Service is exposed.'),
    column('Cluster-IP', 'string', 'clusterIP is the IP address of the service.'),
    column('External-IP', 'string', 'Addresses outside the cluster network by which the service is reached.'),
    column('Port(s)', 'string', 'The list of ports that are exposed by this service.'),
    ageColumn,
    column('*Selector', 'string', 'Labels of the pods that traffic is routed to.'),
  ],
  (service, now) => [
    service.metadata.name ?? '',
    service.spec?.type ?? '',
    service.spec?.clusterIPs?.[0] ?? NONE,
    externalIP(service),
    (service.spec?.ports ?? []).map(portText).join(',') || NONE,
    age(service, now),
    formatLabels(service.spec?.selector),
  ],
);

function endpointsText(endpoints: core.Endpoints): string {
  const subsets = endpoints.subsets ?? [];
  if (subsets.length === 0) return NONE;
  const all = subsets.flatMap((subset) => {
    const addresses = (subset.addresses ?? []).map((address) => address.ip);
    const ports = subset.ports ?? [];
    if (ports.length === 0) return addresses;
    return ports.flatMap((port) => addresses.map((address) => joinHostPort(address, port.port)));
  });
  return listWithMore(all, MAX_ENDPOINTS);
}

const endpointsPrinter = printer<core.Endpoints>(
  [nameColumn, column('Endpoints', 'string', 'Addresses and ports of the ready endpoints.'), ageColumn],
  (endpoints, now) => [endpoints.metadata.name ?? '', endpointsText(endpoints), age(endpoints, now)],
);

function nodeStatus(node: core.Node): string {
  const ready = (node.status?.conditions ?? []).find((one) => one.type === 'Ready');
  const status = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return node.spec?.unschedulable === true ? `${status},SchedulingDisabled` : status;
}

const ROLE_PREFIX = 'node-role.kubernetes.io/';

function nodeRoles(node: core.Node): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX)) roles.add(key.slice(ROLE_PREFIX.length));
    else if (key === 'kubernetes.io/role') roles.add(value);
  }
  roles.delete('');
  return [...roles].sort().join(',') || NONE;
}

function nodeAddress(node: core.Node, type: string): string {
  return (node.status?.addresses ?? []).find((address) => address.type === type)?.address ?? NONE;
}

const nodePrinter = printer<core.Node>(
  [
    nameColumn,
    column('Status', 'string', 'The status of the node'),
    column('Roles', 'string', 'The roles of the node'),
    ageColumn,
    column('Version', 'string', 'Kubelet Version reported by the node.'),
    column('*Internal-IP', 'string', 'Address of the node inside the cluster.'),
    column('*External-IP', 'string', 'Address of the node outside the cluster.'),
    column('*OS-Image', 'string', 'OS Image reported by the node.'),
    column('*Kernel-Version', 'string', 'Kernel Version reported by the node.'),
    column('*Container-Runtime', 'string', 'ContainerRuntime Version reported by the node.'),
  ],
  (node, now) => {
    const info = node.status?.nodeInfo;
    return [
      node.metadata.name ?? '',
      nodeStatus(node),
      nodeRoles(node),
      age(node, now),
      info?.kubeletVersion ?? '',
      nodeAddress(node, 'InternalIP'),
      nodeAddress(node, 'ExternalIP'),
      info?.osImage || '<unknown>',
      info?.kernelVersion || '<unknown>',
      info?.containerRuntimeVersion || '<unknown>',
    ];
  },
);

const namespacePrinter = printer<core.Namespace>(
  [nameColumn, column('Status', 'string', 'The status of the namespace'), ageColumn],
  (namespace, now) => [namespace.metadata.name ?? '', namespace.status?.phase ?? '', age(namespace, now)],
);

const configMapPrinter = printer<core.ConfigMap>(
  [nameColumn, column('Data', 'integer', 'Number of keys.'), ageColumn],
  (map, now) => [
    map.metadata.name ?? '',
    Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length,
    age(map, now),
  ],
);

const secretPrinter = printer<core.Secret>(
  [
    nameColumn,
    column('Type', 'string', 'Used to facilitate programmatic handling of secret data.'),
    column('Data', 'integer', 'Number of keys.'),
    ageColumn,
  ],
  (secret, now) => [
    secret.metadata.name ?? '',
    secret.type ?? '',
    Object.keys(secret.data ?? {}).length,
    age(secret, now),
  ],
);

const serviceAccountPrinter = printer<core.ServiceAccount>(
  [nameColumn, column('Secrets', 'integer', 'Number of secrets.'), ageColumn],
  (account, now) => [account.metadata.name ?? '', (account.secrets ?? []).length, age(account, now)],
);

/** An Event of either group, by the names of the core one. */
interface EventView {
  first: string | undefined;
  last: string | undefined;
  count: number | undefined;
  about: core.ObjectReference | undefined;
  message: string;
  component: string;
  host: string;
}

function eventView(event: core.Event | events.Event): EventView {
  if ('involvedObject' in event) {
    return {
      first: event.firstTimestamp,
      last: event.lastTimestamp,
      count: event.count,
      about: event.involvedObject,
      message: event.message ?? '',
      component: event.source?.component || event.reportingComponent || '',
      host: event.source?.host || event.reportingInstance || '',
    };
  }
  const modern = event as events.Event;
  return {
    first: modern.deprecatedFirstTimestamp,
    last: modern.deprecatedLastTimestamp,
    count: modern.deprecatedCount,
    about: modern.regarding,
    message: modern.note ?? '',
    component: modern.deprecatedSource?.component || modern.reportingController || '',
    host: modern.deprecatedSource?.host || modern.reportingInstance || '',
  };
}

const eventPrinter = printer<core.Event | events.Event>(
  [
    column('Last Seen', 'string', 'The time at which the most recent occurrence of this event was recorded.'),
    column('Type', 'string', 'Type of this event (Normal, Warning), new types could be added in the future'),
    column('Reason', 'string', 'A short, machine understandable string that gives the reason for the event.'),
    column('Object', 'string', 'The object that this event is about.'),
    column('*Subobject', 'string', 'The part of the object that this event is about.'),
    column('*Source', 'string', 'The component reporting this event.'),
    column('Message', 'string', 'A human-readable description of the status of this operation.'),
    column('*First Seen', 'string', 'The time at which the event was first recorded.'),
    column('*Count', 'string', 'The number of times this event has occurred.'),
    wideNameColumn,
  ],
  (event, now) => {
    const view = eventView(event);
    const first = timeSince(view.first || event.eventTime, now);
    const series = event.series;
    const last =
      series === undefined
        ? view.last
          ? timeSince(view.last, now)
          : first
        : timeSince(series.lastObservedTime, now);
    const kind = (view.about?.kind ?? '').toLowerCase();
    const name = view.about?.name ?? '';
    return [
      last,
      event.type ?? '',
      event.reason ?? '',
      name === '' ? kind : `${kind}/${name}`,
      view.about?.fieldPath ?? '',
      [view.component, view.host].filter((text) => text !== '').join(', '),
      view.message.trim(),
      first,
      series === undefined ? view.count || 1 : (series.count ?? 0),
      event.metadata.name ?? '',
    ];
  },
);

const leasePrinter = printer<coordination.Lease>(
  [nameColumn, column('Holder', 'string', 'Identity of the holder of the lease.'), ageColumn],
  (lease, now) => [lease.metadata.name ?? '', lease.spec?.holderIdentity ?? '', age(lease, now)],
);

const podTemplatePrinter = printer<core.PodTemplate>(
  [
    nameColumn,
    column('Containers', 'string', 'Names of each container in the template.'),
    column('Images', 'string', 'Images referenced by each container in the template.'),
    column('Pod Labels', 'string', 'The labels for the pod template.'),
  ],
  (template) => [
    template.metadata.name ?? '',
    ...containerCells(template.template),
    formatLabels(template.template?.metadata?.labels),
  ],
);

export const corePrinters: Record<string, Printer> = {
  'core.v1.Service': servicePrinter,
  'core.v1.Endpoints': endpointsPrinter,
  'core.v1.Node': nodePrinter,
  'core.v1.Namespace': namespacePrinter,
  'core.v1.ConfigMap': configMapPrinter,
  'core.v1.Secret': secretPrinter,
  'core.v1.ServiceAccount': serviceAccountPrinter,
  'core.v1.Event': eventPrinter,
  'events.v1.Event': eventPrinter,
  'coordination.v1.Lease': leasePrinter,
  'core.v1.PodTemplate': podTemplatePrinter,
};
