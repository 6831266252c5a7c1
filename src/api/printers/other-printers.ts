import type { autoscaling, core, discovery, networking, rbac, scheduling } from '../types/index.js';
import {
  age,
  ageColumn,
  column,
  createdColumn,
  formatSelector,
  listWithMore,
  nameColumn,
  type Printer,
  printer,
} from './columns.js';
import { loadBalancerText } from './core-printers.js';

const NONE = '<none>';
const MAX_LISTED = 3;

const endpointSlicePrinter = printer<discovery.EndpointSlice>(
  [
    nameColumn,
    column(
      'AddressType',
      'string',
      'addressType specifies the type of address carried by this EndpointSlice.',
    ),
    column('Ports', 'string', 'ports specifies the list of network ports exposed by each endpoint.'),
    column('Endpoints', 'string', 'endpoints is a list of unique endpoints in this slice.'),
    ageColumn,
  ],
  (slice, now) => [
    slice.metadata.name ?? '',
    slice.addressType ?? '',
    listWithMore(
      (slice.ports ?? []).map((port) => String(port.port ?? port.name ?? '*')),
      MAX_LISTED,
    ) || '<unset>',
    listWithMore(
      (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses),
      MAX_LISTED,
    ) || '<unset>',
    age(slice, now),
  ],
);

function ingressHosts(ingress: networking.Ingress): string {
  const hosts = (ingress.spec?.rules ?? []).map((rule) => rule.host ?? '').filter((host) => host !== '');
  return listWithMore(hosts, MAX_LISTED) || '*';
}

const ingressPrinter = printer<networking.Ingress>(
  [
    nameColumn,
    column(
      'Class',
      'string',
      'The name of the IngressClass resource that should be used for additional configuration',
    ),
    column('Hosts', 'string', 'Hosts that incoming requests are matched against before the ingress rule'),
    column('Address', 'string', 'Address is a list containing ingress points for the load-balancer'),
    column('Ports', 'string', 'Ports of TLS configurations that open'),
    ageColumn,
  ],
  (ingress, now) => [
    ingress.metadata.name ?? '',
    ingress.spec?.ingressClassName ?? NONE,
    ingressHosts(ingress),
    loadBalancerText(ingress.status?.loadBalancer?.ingress),
    (ingress.spec?.tls ?? []).length > 0 ? '80, 443' : '80',
    age(ingress, now),
  ],
);

const ingressClassPrinter = printer<networking.IngressClass>(
  [
    nameColumn,
    column('Controller', 'string', 'Controller that is responsible for handling this class'),
    column('Parameters', 'string', 'A reference to a resource with additional parameters'),
    ageColumn,
  ],
  (ingressClass, now) => {
    const parameters = ingressClass.spec?.parameters;
    const group = (parameters?.apiGroup ?? '') === '' ? '' : `.${parameters!.apiGroup}`;
    return [
      ingressClass.metadata.name ?? '',
      ingressClass.spec?.controller ?? '',
      parameters === undefined ? NONE : `${parameters.kind}${group}/${parameters.name}`,
      age(ingressClass, now),
    ];
  },
);

const networkPolicyPrinter = printer<networking.NetworkPolicy>(
  [nameColumn, column('Pod-Selector', 'string', 'Selects the pods to which this policy applies.'), ageColumn],
  (policy, now) => [policy.metadata.name ?? '', formatSelector(policy.spec?.podSelector), age(policy, now)],
);

const serviceCidrPrinter = printer<networking.ServiceCIDR>(
  [nameColumn, column('CIDRs', 'string', 'CIDRs from which to allocate service cluster IPs.'), ageColumn],
  (cidr, now) => [cidr.metadata.name ?? '', (cidr.spec?.cidrs ?? []).join(','), age(cidr, now)],
);

const ipAddressPrinter = printer<networking.IPAddress>(
  [nameColumn, column('ParentRef', 'string', 'The resource that an IPAddress is attached to.')],
  (address) => {
    const parent = address.spec?.parentRef;
    const group = (parent?.group ?? '') === '' ? '' : `.${parent!.group}`;
    const namespace = (parent?.namespace ?? '') === '' ? '' : `/${parent!.namespace}`;
    return [
      address.metadata.name ?? '',
      parent === undefined
        ? NONE
        : `${parent.resource}${group}`.toLowerCase() + `${namespace}/${parent.name}`,
    ];
  },
);

const created = printer([nameColumn, createdColumn], (object) => [
  object.metadata.name ?? '',
  object.metadata.creationTimestamp ?? '',
]);

const bindingPrinter = printer<rbac.RoleBinding | rbac.ClusterRoleBinding>(
  [
    nameColumn,
    column('Role', 'string', 'The role that is granted.'),
    ageColumn,
    column('*Users', 'string', 'Users in the roleBinding'),
    column('*Groups', 'string', 'Groups in the roleBinding'),
    column('*ServiceAccounts', 'string', 'ServiceAccounts in the roleBinding'),
  ],
  (binding, now) => {
    const subjects = binding.subjects ?? [];
    const named = (kind: string): string =>
      subjects
        .filter((subject) => subject.kind === kind)
        .map((subject) => (kind === 'ServiceAccount' ? `${subject.namespace}/${subject.name}` : subject.name))
        .join(', ');
    return [
      binding.metadata.name ?? '',
      `${binding.roleRef?.kind}/${binding.roleRef?.name}`,
      age(binding, now),
      named('User'),
      named('Group'),
      named('ServiceAccount'),
    ];
  },
);

const priorityClassPrinter = printer<scheduling.PriorityClass>(
  [
    nameColumn,
    column('Value', 'integer', 'The integer value of this priority class.'),
    column('Global-Default', 'boolean', 'Whether this is the default priority for pods without one.'),
    ageColumn,
    column('PreemptionPolicy', 'string', 'The policy for preempting pods with lower priority.'),
  ],
  (priority, now) => [
    priority.metadata.name ?? '',
    priority.value ?? 0,
    priority.globalDefault ?? false,
    age(priority, now),
    priority.preemptionPolicy ?? '',
  ],
);

const quotaPrinter = printer<core.ResourceQuota>(
  [
    nameColumn,
    column(
      'Request',
      'string',
      'Request represents a minimum amount of cpu/memory that a container may consume.',
    ),
    column(
      'Limit',
      'string',
      'Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.',
    ),
    ageColumn,
  ],
  (quota, now) => {
    const { hard = {}, used = {} } = quota.status ?? {};
    const text = (limits: boolean): string =>
      Object.keys(hard)
        .filter((name) => name.startsWith('limits.') === limits)
        .sort()
        .map((name) => `${name}: ${used[name] ?? '0'}/${hard[name]}`)
        .join(', ');
    return [quota.metadata.name ?? '', text(false), text(true), age(quota, now)];
  },
);

const scalePrinter = printer<autoscaling.Scale>(
  [
    nameColumn,
    column('Desired', 'integer', 'desired number of instances for the scaled object.'),
    column('Available', 'integer', 'actual number of observed instances of the scaled object.'),
    ageColumn,
  ],
  (scale, now) => [
    scale.metadata.name ?? '',
    scale.spec?.replicas ?? 0,
    scale.status?.replicas ?? 0,
    age(scale, now),
  ],
);

export const otherPrinters: Record<string, Printer> = {
  'discovery.v1.EndpointSlice': endpointSlicePrinter,
  'networking.v1.Ingress': ingressPrinter,
  'networking.v1.IngressClass': ingressClassPrinter,
  'networking.v1.NetworkPolicy': networkPolicyPrinter,
  'networking.v1.ServiceCIDR': serviceCidrPrinter,
  'networking.v1.IPAddress': ipAddressPrinter,
  'rbac.v1.Role': created,
  'rbac.v1.ClusterRole': created,
  'rbac.v1.RoleBinding': bindingPrinter,
  'rbac.v1.ClusterRoleBinding': bindingPrinter,
  'scheduling.v1.PriorityClass': priorityClassPrinter,
  'core.v1.LimitRange': created,
  'core.v1.ResourceQuota': quotaPrinter,
  'apiextensions.v1.CustomResourceDefinition': created,
  'autoscaling.v1.Scale': scalePrinter,
};
