import type {
  apps,
  authentication,
  authorization,
  batch,
  certificates,
  coordination,
  core,
  discovery,
  KubeObject,
  networking,
  policy,
  rbac,
  scheduling,
} from '#api';
import type { Resource } from './client.js';

function resource<T extends KubeObject>(
  group: string,
  name: string,
  kind: string,
  namespaced = true,
): Resource<T> {
  return { group, version: 'v1', resource: name, kind, namespaced };
}

/** Typed handles to the built-in resources. */
export const Resources = {
  namespaces: resource<core.Namespace>('', 'namespaces', 'Namespace', false),
  nodes: resource<core.Node>('', 'nodes', 'Node', false),
  pods: resource<core.Pod>('', 'pods', 'Pod'),
  services: resource<core.Service>('', 'services', 'Service'),
  endpoints: resource<core.Endpoints>('', 'endpoints', 'Endpoints'),
  configMaps: resource<core.ConfigMap>('', 'configmaps', 'ConfigMap'),
  secrets: resource<core.Secret>('', 'secrets', 'Secret'),
  serviceAccounts: resource<core.ServiceAccount>('', 'serviceaccounts', 'ServiceAccount'),
  persistentVolumeClaims: resource<core.PersistentVolumeClaim>(
    '',
    'persistentvolumeclaims',
    'PersistentVolumeClaim',
  ),
  events: resource<core.Event>('', 'events', 'Event'),
  replicationControllers: resource<core.ReplicationController>(
    '',
    'replicationcontrollers',
    'ReplicationController',
  ),
  endpointSlices: resource<discovery.EndpointSlice>('discovery.k8s.io', 'endpointslices', 'EndpointSlice'),
  deployments: resource<apps.Deployment>('apps', 'deployments', 'Deployment'),
  replicaSets: resource<apps.ReplicaSet>('apps', 'replicasets', 'ReplicaSet'),
  daemonSets: resource<apps.DaemonSet>('apps', 'daemonsets', 'DaemonSet'),
  statefulSets: resource<apps.StatefulSet>('apps', 'statefulsets', 'StatefulSet'),
  controllerRevisions: resource<apps.ControllerRevision>('apps', 'controllerrevisions', 'ControllerRevision'),
  jobs: resource<batch.Job>('batch', 'jobs', 'Job'),
  cronJobs: resource<batch.CronJob>('batch', 'cronjobs', 'CronJob'),
  leases: resource<coordination.Lease>('coordination.k8s.io', 'leases', 'Lease'),
  serviceCIDRs: resource<networking.ServiceCIDR>('networking.k8s.io', 'servicecidrs', 'ServiceCIDR', false),
  ipAddresses: resource<networking.IPAddress>('networking.k8s.io', 'ipaddresses', 'IPAddress', false),
  networkPolicies: resource<networking.NetworkPolicy>(
    'networking.k8s.io',
    'networkpolicies',
    'NetworkPolicy',
  ),
  podDisruptionBudgets: resource<policy.PodDisruptionBudget>(
    'policy',
    'poddisruptionbudgets',
    'PodDisruptionBudget',
  ),
  roles: resource<rbac.Role>('rbac.authorization.k8s.io', 'roles', 'Role'),
  roleBindings: resource<rbac.RoleBinding>('rbac.authorization.k8s.io', 'rolebindings', 'RoleBinding'),
  clusterRoles: resource<rbac.ClusterRole>('rbac.authorization.k8s.io', 'clusterroles', 'ClusterRole', false),
  clusterRoleBindings: resource<rbac.ClusterRoleBinding>(
    'rbac.authorization.k8s.io',
    'clusterrolebindings',
    'ClusterRoleBinding',
    false,
  ),
  priorityClasses: resource<scheduling.PriorityClass>(
    'scheduling.k8s.io',
    'priorityclasses',
    'PriorityClass',
    false,
  ),
  certificateSigningRequests: resource<certificates.CertificateSigningRequest>(
    'certificates.k8s.io',
    'certificatesigningrequests',
    'CertificateSigningRequest',
    false,
  ),
  subjectAccessReviews: resource<authorization.SubjectAccessReview>(
    'authorization.k8s.io',
    'subjectaccessreviews',
    'SubjectAccessReview',
    false,
  ),
  tokenReviews: resource<authentication.TokenReview & KubeObject>(
    'authentication.k8s.io',
    'tokenreviews',
    'TokenReview',
    false,
  ),
} as const;
