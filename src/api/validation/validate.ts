import type { KubeObject } from '../object.js';
import type { KindInfo } from '../schema/kind-info.js';
import type { FieldError } from '../status.js';
import * as certificates from './certificates.js';
import * as coreKinds from './core-kinds.js';
import * as daemonSets from './daemon-set.js';
import { validateEndpointSlice, validateEndpointSliceUpdate } from './endpoint-slice.js';
import { validateEndpoints, validateEndpointsUpdate } from './endpoints.js';
import { Check } from './field-error.js';
import { nameIsDnsSubdomain, nameIsPathSegment } from './formats.js';
import * as ingress from './ingress.js';
import * as jobs from './jobs.js';
import * as network from './network-kinds.js';
import { checkObjectMetaUpdate } from './object-meta.js';
import { validatePod } from './pod.js';
import { validatePodResize } from './pod-resize.js';
import { validatePodStatusUpdate } from './pod-status.js';
import { validateEphemeralContainersUpdate, validatePodUpdate } from './pod-update.js';
import * as policies from './policy-kinds.js';
import * as rbac from './rbac.js';
import { validateService, validateServiceStatusUpdate, validateServiceUpdate } from './service.js';
import * as statefulSets from './stateful-set.js';
import * as workloads from './workloads.js';

type Create = (object: KubeObject) => FieldError[];
type Update = (object: KubeObject, old: KubeObject) => FieldError[];

/** What a kind validates: on create, on update, and on updates through its subresources. */
interface Rules {
  create: Create;
  update?: Update;
  /** By subresource; `status` without an entry checks metadata only. */
  subresources?: Record<string, Update>;
}

// Rules are written for their own kind; the registry only ever hands them objects of that kind.
function rules<T extends KubeObject>(
  create: (object: T) => FieldError[],
  update?: (object: T, old: T) => FieldError[],
  subresources?: Record<string, (object: T, old: T) => FieldError[]>,
): Rules {
  return { create, update, subresources } as unknown as Rules;
}

const RULES: Readonly<Record<string, Rules>> = {
  'core.v1.Service': rules(validateService, validateServiceUpdate, { status: validateServiceStatusUpdate }),
  'core.v1.Endpoints': rules(validateEndpoints, validateEndpointsUpdate),
  'discovery.v1.EndpointSlice': rules(validateEndpointSlice, validateEndpointSliceUpdate),
  'core.v1.Pod': rules(validatePod, validatePodUpdate, {
    status: validatePodStatusUpdate,
    ephemeralcontainers: validateEphemeralContainersUpdate,
    resize: validatePodResize,
  }),
  'core.v1.PodTemplate': rules(workloads.validatePodTemplate),
  'core.v1.ReplicationController': rules(
    workloads.validateReplicationController,
    workloads.validateReplicationControllerUpdate,
    { status: workloads.validateReplicaStatusUpdate },
  ),
  'apps.v1.Deployment': rules(workloads.validateDeployment, workloads.validateDeploymentUpdate, {
    status: workloads.validateDeploymentStatusUpdate,
  }),
  'apps.v1.ReplicaSet': rules(workloads.validateReplicaSet, workloads.validateReplicaSetUpdate, {
    status: workloads.validateReplicaStatusUpdate,
  }),
  'apps.v1.DaemonSet': rules(daemonSets.validateDaemonSet, daemonSets.validateDaemonSetUpdate, {
    status: daemonSets.validateDaemonSetStatusUpdate,
  }),
  'apps.v1.StatefulSet': rules(statefulSets.validateStatefulSet, statefulSets.validateStatefulSetUpdate, {
    status: statefulSets.validateStatefulSetStatusUpdate,
  }),
  'apps.v1.ControllerRevision': rules(
    workloads.validateControllerRevision,
    workloads.validateControllerRevisionUpdate,
  ),
  'core.v1.ConfigMap': rules(coreKinds.validateConfigMap, coreKinds.validateConfigMapUpdate),
  'core.v1.Secret': rules(coreKinds.validateSecret, coreKinds.validateSecretUpdate),
  'core.v1.Namespace': rules(coreKinds.validateNamespace, coreKinds.validateMetadataUpdate, {
    status: coreKinds.validateNamespaceStatusUpdate,
    finalize: coreKinds.validateNamespaceFinalize,
  }),
  'core.v1.Node': rules(coreKinds.validateNode, coreKinds.validateNodeUpdate, {
    status: coreKinds.validateNodeUpdate,
  }),
  'core.v1.ServiceAccount': rules(coreKinds.validateServiceAccount),
  'coordination.v1.Lease': rules(coreKinds.validateLease, coreKinds.validateLeaseUpdate),
  'core.v1.Event': rules(coreKinds.validateEvent),
  'events.v1.Event': rules(coreKinds.validateEvent),
  'batch.v1.Job': rules(jobs.validateJob, jobs.validateJobUpdate, { status: jobs.validateJobStatusUpdate }),
  'batch.v1.CronJob': rules(jobs.validateCronJob, jobs.validateCronJobUpdate),
  'networking.v1.Ingress': rules(ingress.validateIngress, ingress.validateIngressUpdate, {
    status: ingress.validateIngressStatusUpdate,
  }),
  'networking.v1.IngressClass': rules(ingress.validateIngressClass, ingress.validateIngressClassUpdate),
  'networking.v1.NetworkPolicy': rules(network.validateNetworkPolicy, network.validateNetworkPolicyUpdate),
  'networking.v1.ServiceCIDR': rules(network.validateServiceCIDR, network.validateServiceCIDRUpdate),
  'networking.v1.IPAddress': rules(network.validateIPAddress, network.validateIPAddressUpdate),
  'rbac.v1.Role': rules(rbac.validateRole(true)),
  'rbac.v1.ClusterRole': rules(rbac.validateRole(false)),
  'rbac.v1.RoleBinding': rules(rbac.validateBinding(true), rbac.validateBindingUpdate(true)),
  'rbac.v1.ClusterRoleBinding': rules(rbac.validateBinding(false), rbac.validateBindingUpdate(false)),
  'policy.v1.PodDisruptionBudget': rules(policies.validatePodDisruptionBudget),
  'scheduling.v1.PriorityClass': rules(policies.validatePriorityClass, policies.validatePriorityClassUpdate),
  'core.v1.LimitRange': rules(policies.validateLimitRange),
  'core.v1.ResourceQuota': rules(policies.validateResourceQuota, policies.validateResourceQuotaUpdate, {
    status: policies.validateResourceQuotaStatusUpdate,
  }),
  'certificates.v1.CertificateSigningRequest': rules(
    certificates.validateCreate,
    certificates.validateUpdate(''),
    { status: certificates.validateUpdate('status'), approval: certificates.validateUpdate('approval') },
  ),
  'autoscaling.v1.Scale': rules(policies.validateScale),
};

function rulesOf(kind: KindInfo): Rules {
  const own = Object.hasOwn(RULES, kind.message) ? RULES[kind.message] : undefined;
  if (own !== undefined) return own;
  // Names of RBAC kinds (`system:node`) and addresses (`2001:db8::1`) need only be one segment of a path.
  const segment = kind.group === 'rbac.authorization.k8s.io' || kind.message === 'networking.v1.IPAddress';
  const name = segment ? nameIsPathSegment : nameIsDnsSubdomain;
  return rules((object) => coreKinds.validateMetadataOnly(object, kind.namespaced, name));
}

/** The same problem may be found on two ways through the checks; clients see it once. */
function distinct(errors: FieldError[]): FieldError[] {
  if (errors.length < 2) return errors;
  const seen = new Set<string>();
  return errors.filter((error) => {
    const key = `${error.field}\n${error.message}`;
    return !seen.has(key) && seen.add(key) !== undefined;
  });
}

/**
 * What is wrong with an object about to be created, in upstream's order, paths and wording; empty when valid.
 * The object has been defaulted and its name generated. Allocation errors are not in here.
 */
export function validateObject(kind: KindInfo, object: KubeObject): FieldError[] {
  return distinct(rulesOf(kind).create(object));
}

/**
 * What is wrong with replacing `old` by `object`. Through a subresource only what that subresource may write is
 * judged. Kinds without rules for updates are checked like new objects, and their metadata against the old one.
 */
export function validateObjectUpdate(
  kind: KindInfo,
  object: KubeObject,
  old: KubeObject,
  options: { subresource?: string | undefined } = {},
): FieldError[] {
  const { create, update, subresources = {} } = rulesOf(kind);
  const check = new Check();
  checkObjectMetaUpdate(check, object.metadata, old.metadata);
  const subresource = options.subresource ?? '';
  if (subresource !== '') {
    const own = Object.hasOwn(subresources, subresource) ? subresources[subresource] : undefined;
    return distinct([...check.errors, ...(own?.(object, old) ?? [])]);
  }
  return distinct([...check.errors, ...(update?.(object, old) ?? create(object))]);
}
