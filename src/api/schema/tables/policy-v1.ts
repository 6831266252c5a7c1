/**
 * Messages of policy.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const policyV1 = `
Eviction
  metadata 1 meta.v1.ObjectMeta
  deleteOptions 2 meta.v1.DeleteOptions
  apiVersion - string
  kind - string
PodDisruptionBudget
  metadata 1 meta.v1.ObjectMeta
  spec 2 policy.v1.PodDisruptionBudgetSpec
  status 3 policy.v1.PodDisruptionBudgetStatus
  apiVersion - string
  kind - string
PodDisruptionBudgetSpec
  minAvailable 1 util.intstr.IntOrString
  selector 2 meta.v1.LabelSelector patch=replace
  maxUnavailable 3 util.intstr.IntOrString
  unhealthyPodEvictionPolicy 4 string
PodDisruptionBudgetStatus
  observedGeneration 1 int64
  disruptedPods 2 map[string]meta.v1.Time
  disruptionsAllowed 3 int32 default=0
  currentHealthy 4 int32 default=0
  desiredHealthy 5 int32 default=0
  expectedPods 6 int32 default=0
  conditions 7 []meta.v1.Condition list=map:type patch=merge:type
`;
