import type { KindInfo } from './kind-info.js';

type Options = Partial<Omit<KindInfo, 'group' | 'kind' | 'resource'>> & { table?: string };

/** Every verb of a stored resource, sorted as discovery lists them. */
export const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

const REVIEW: Options = { virtual: true, verbs: ['create'], namespaced: false };
const CLUSTER = { namespaced: false };
const ALL = ['all'];

function kind(group: string, name: string, resource: string, options: Options = {}): KindInfo {
  const { table = tableOfGroup(group), ...rest } = options;
  return {
    group,
    version: 'v1',
    kind: name,
    resource,
    singular: name.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    message: `${table}.${name}`,
    subresources: [],
    storagePrefix: resource,
    generation: false,
    selectableFields: [],
    ...rest,
  };
}

function tableOfGroup(group: string): string {
  return group === '' ? 'core.v1' : `${group.split('.')[0]}.v1`;
}

const POD_SUBRESOURCES = [
  'attach',
  'binding',
  'ephemeralcontainers',
  'eviction',
  'exec',
  'log',
  'portforward',
  'proxy',
  'resize',
  'status',
];
const POD_FIELDS = [
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.schedulerName',
  'spec.serviceAccountName',
  'spec.hostNetwork',
  'status.phase',
  'status.podIP',
  'status.podIPs',
  'status.nominatedNodeName',
];
const REFERENCE_FIELDS = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];
const CORE_EVENT_FIELDS = [
  ...REFERENCE_FIELDS.map((f) => `involvedObject.${f}`),
  'reason',
  'reportingComponent',
  'source',
  'type',
];
const EVENT_FIELDS = [
  ...REFERENCE_FIELDS.map((f) => `regarding.${f}`),
  'reason',
  'reportingController',
  'type',
];
const WORKLOAD = { categories: ALL, subresources: ['scale', 'status'], generation: true };

const core: KindInfo[] = [
  kind('', 'Binding', 'bindings', { virtual: true, verbs: ['create'] }),
  kind('', 'ConfigMap', 'configmaps', { shortNames: ['cm'] }),
  kind('', 'Endpoints', 'endpoints', { shortNames: ['ep'], storagePrefix: 'services/endpoints' }),
  kind('', 'Event', 'events', { shortNames: ['ev'], selectableFields: CORE_EVENT_FIELDS }),
  kind('', 'LimitRange', 'limitranges', { shortNames: ['limits'] }),
  kind('', 'Namespace', 'namespaces', {
    ...CLUSTER,
    shortNames: ['ns'],
    subresources: ['finalize', 'status'],
    selectableFields: ['status.phase', 'name'],
    verbs: allVerbs.filter((verb) => verb !== 'deletecollection'),
  }),
  kind('', 'Node', 'nodes', {
    ...CLUSTER,
    shortNames: ['no'],
    subresources: ['proxy', 'status'],
    storagePrefix: 'minions',
    selectableFields: ['spec.unschedulable'],
  }),
  kind('', 'PersistentVolumeClaim', 'persistentvolumeclaims', {
    shortNames: ['pvc'],
    subresources: ['status'],
    selectableFields: ['name'],
  }),
  kind('', 'PersistentVolume', 'persistentvolumes', {
    ...CLUSTER,
    shortNames: ['pv'],
    subresources: ['status'],
    selectableFields: ['name'],
  }),
  kind('', 'Pod', 'pods', {
    shortNames: ['po'],
    categories: ALL,
    subresources: POD_SUBRESOURCES,
    generation: true,
    selectableFields: POD_FIELDS,
  }),
  kind('', 'PodTemplate', 'podtemplates', { generation: true }),
  kind('', 'ReplicationController', 'replicationcontrollers', {
    ...WORKLOAD,
    shortNames: ['rc'],
    storagePrefix: 'controllers',
    selectableFields: ['status.replicas'],
  }),
  kind('', 'ResourceQuota', 'resourcequotas', { shortNames: ['quota'], subresources: ['status'] }),
  kind('', 'Secret', 'secrets', { selectableFields: ['type'] }),
  kind('', 'ServiceAccount', 'serviceaccounts', { shortNames: ['sa'], subresources: ['token'] }),
  kind('', 'Service', 'services', {
    shortNames: ['svc'],
    categories: ALL,
    subresources: ['proxy', 'status'],
    storagePrefix: 'services/specs',
    selectableFields: ['spec.clusterIP', 'spec.type'],
  }),
];

const workloads: KindInfo[] = [
  kind('apps', 'ControllerRevision', 'controllerrevisions'),
  kind('apps', 'DaemonSet', 'daemonsets', { ...WORKLOAD, shortNames: ['ds'], subresources: ['status'] }),
  kind('apps', 'Deployment', 'deployments', { ...WORKLOAD, shortNames: ['deploy'] }),
  kind('apps', 'ReplicaSet', 'replicasets', {
    ...WORKLOAD,
    shortNames: ['rs'],
    selectableFields: ['status.replicas'],
  }),
  kind('apps', 'StatefulSet', 'statefulsets', { ...WORKLOAD, shortNames: ['sts'] }),
  kind('batch', 'CronJob', 'cronjobs', { ...WORKLOAD, shortNames: ['cj'], subresources: ['status'] }),
  kind('batch', 'Job', 'jobs', {
    ...WORKLOAD,
    subresources: ['status'],
    selectableFields: ['status.successful'],
  }),
];

const networking: KindInfo[] = [
  kind('discovery.k8s.io', 'EndpointSlice', 'endpointslices', { generation: true }),
  kind('networking.k8s.io', 'IngressClass', 'ingressclasses', { ...CLUSTER, generation: true }),
  kind('networking.k8s.io', 'Ingress', 'ingresses', {
    shortNames: ['ing'],
    subresources: ['status'],
    storagePrefix: 'ingress',
    generation: true,
  }),
  kind('networking.k8s.io', 'IPAddress', 'ipaddresses', { ...CLUSTER, shortNames: ['ip'] }),
  kind('networking.k8s.io', 'NetworkPolicy', 'networkpolicies', { shortNames: ['netpol'], generation: true }),
  kind('networking.k8s.io', 'ServiceCIDR', 'servicecidrs', { ...CLUSTER, subresources: ['status'] }),
];

const RBAC = 'rbac.authorization.k8s.io';
const AUTHN = 'authentication.k8s.io';
const AUTHZ = 'authorization.k8s.io';

const others: KindInfo[] = [
  kind('events.k8s.io', 'Event', 'events', {
    shortNames: ['ev'],
    selectableFields: EVENT_FIELDS,
    storedAs: { group: '', version: 'v1', kind: 'Event' },
  }),
  kind(AUTHN, 'SelfSubjectReview', 'selfsubjectreviews', REVIEW),
  kind(AUTHN, 'TokenReview', 'tokenreviews', REVIEW),
  kind(AUTHZ, 'LocalSubjectAccessReview', 'localsubjectaccessreviews', { ...REVIEW, namespaced: true }),
  kind(AUTHZ, 'SelfSubjectAccessReview', 'selfsubjectaccessreviews', REVIEW),
  kind(AUTHZ, 'SelfSubjectRulesReview', 'selfsubjectrulesreviews', REVIEW),
  kind(AUTHZ, 'SubjectAccessReview', 'subjectaccessreviews', REVIEW),
  kind('policy', 'PodDisruptionBudget', 'poddisruptionbudgets', {
    shortNames: ['pdb'],
    subresources: ['status'],
    generation: true,
  }),
  kind(RBAC, 'ClusterRoleBinding', 'clusterrolebindings', { ...CLUSTER, table: 'rbac.v1' }),
  kind(RBAC, 'ClusterRole', 'clusterroles', { ...CLUSTER, table: 'rbac.v1' }),
  kind(RBAC, 'RoleBinding', 'rolebindings', { table: 'rbac.v1' }),
  kind(RBAC, 'Role', 'roles', { table: 'rbac.v1' }),
  kind('scheduling.k8s.io', 'PriorityClass', 'priorityclasses', {
    ...CLUSTER,
    shortNames: ['pc'],
    generation: true,
  }),
  kind('coordination.k8s.io', 'Lease', 'leases'),
];

const AUTOSCALER = { shortNames: ['hpa'], categories: ALL, subresources: ['status'] };

/** Kinds that upstream's scheduler, controllers and node agents wait for; nothing of ours acts on them. */
const machinery: KindInfo[] = [
  kind('storage.k8s.io', 'CSIDriver', 'csidrivers', CLUSTER),
  kind('storage.k8s.io', 'CSINode', 'csinodes', CLUSTER),
  kind('storage.k8s.io', 'CSIStorageCapacity', 'csistoragecapacities'),
  kind('storage.k8s.io', 'StorageClass', 'storageclasses', { ...CLUSTER, shortNames: ['sc'] }),
  kind('storage.k8s.io', 'VolumeAttachment', 'volumeattachments', { ...CLUSTER, subresources: ['status'] }),
  kind('storage.k8s.io', 'VolumeAttributesClass', 'volumeattributesclasses', {
    ...CLUSTER,
    shortNames: ['vac'],
  }),
  kind('autoscaling', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', {
    version: 'v2',
    table: 'autoscaling.v2',
    ...AUTOSCALER,
  }),
  kind('autoscaling', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', {
    storedAs: { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler' },
    ...AUTOSCALER,
  }),
  kind('certificates.k8s.io', 'CertificateSigningRequest', 'certificatesigningrequests', {
    ...CLUSTER,
    shortNames: ['csr'],
    subresources: ['approval', 'status'],
    selectableFields: ['spec.signerName'],
  }),
  kind('node.k8s.io', 'RuntimeClass', 'runtimeclasses', CLUSTER),
  kind('resource.k8s.io', 'DeviceClass', 'deviceclasses', CLUSTER),
  kind('resource.k8s.io', 'ResourceClaim', 'resourceclaims', { subresources: ['status'] }),
  kind('resource.k8s.io', 'ResourceClaimTemplate', 'resourceclaimtemplates'),
  kind('resource.k8s.io', 'ResourceSlice', 'resourceslices', {
    ...CLUSTER,
    selectableFields: ['spec.driver', 'spec.nodeName'],
  }),
];

/** Every built-in kind that has a resource of its own. Names, prefixes and flags are kube-apiserver's. */
export const kinds: readonly KindInfo[] = [...core, ...workloads, ...networking, ...others, ...machinery];

/** The body of delete requests; upstream registers it in every group and version. */
export const deleteOptionsKind: KindInfo = kind('meta.k8s.io', 'DeleteOptions', '', {
  virtual: true,
  table: 'meta.v1',
});

/** Kinds that exist only as the body of a subresource (`pods/eviction`, `deployments/scale`, `serviceaccounts/token`). */
export const subresourceKinds: readonly KindInfo[] = [
  kind('autoscaling', 'Scale', '', { virtual: true }),
  kind('policy', 'Eviction', '', { virtual: true, verbs: ['create'] }),
  kind(AUTHN, 'TokenRequest', '', { virtual: true, verbs: ['create'] }),
];
