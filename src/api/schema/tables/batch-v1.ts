/**
 * Messages of batch.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const batchV1 = `
CronJob
  metadata 1 meta.v1.ObjectMeta
  spec 2 batch.v1.CronJobSpec required
  status 3 batch.v1.CronJobStatus
  apiVersion - string
  kind - string
CronJobSpec
  schedule 1 string required
  startingDeadlineSeconds 2 int64
  concurrencyPolicy 3 string
  suspend 4 boolean
  jobTemplate 5 batch.v1.JobTemplateSpec required
  successfulJobsHistoryLimit 6 int32
  failedJobsHistoryLimit 7 int32
  timeZone 8 string
CronJobStatus
  active 1 []core.v1.ObjectReference list=atomic
  lastScheduleTime 4 meta.v1.Time
  lastSuccessfulTime 5 meta.v1.Time
Job
  metadata 1 meta.v1.ObjectMeta
  spec 2 batch.v1.JobSpec
  status 3 batch.v1.JobStatus
  apiVersion - string
  kind - string
JobCondition
  type 1 string required
  status 2 string required
  lastProbeTime 3 meta.v1.Time
  lastTransitionTime 4 meta.v1.Time
  reason 5 string
  message 6 string
JobSpec
  parallelism 1 int32
  completions 2 int32
  activeDeadlineSeconds 3 int64
  selector 4 meta.v1.LabelSelector
  manualSelector 5 boolean
  template 6 core.v1.PodTemplateSpec required
  backoffLimit 7 int32
  ttlSecondsAfterFinished 8 int32
  completionMode 9 string
  suspend 10 boolean
  podFailurePolicy 11 batch.v1.PodFailurePolicy
  backoffLimitPerIndex 12 int32
  maxFailedIndexes 13 int32
  podReplacementPolicy 14 string
  managedBy 15 string
  successPolicy 16 batch.v1.SuccessPolicy
JobStatus
  conditions 1 []batch.v1.JobCondition list=atomic patch=merge:type
  startTime 2 meta.v1.Time
  completionTime 3 meta.v1.Time
  active 4 int32
  succeeded 5 int32
  failed 6 int32
  completedIndexes 7 string
  uncountedTerminatedPods 8 batch.v1.UncountedTerminatedPods
  ready 9 int32
  failedIndexes 10 string
  terminating 11 int32
JobTemplateSpec
  metadata 1 meta.v1.ObjectMeta
  spec 2 batch.v1.JobSpec
PodFailurePolicy
  rules 1 []batch.v1.PodFailurePolicyRule required list=atomic
PodFailurePolicyOnExitCodesRequirement
  containerName 1 string
  operator 2 string required
  values 3 []int32 required list=set
PodFailurePolicyOnPodConditionsPattern
  type 1 string required
  status 2 string
PodFailurePolicyRule
  action 1 string required
  onExitCodes 2 batch.v1.PodFailurePolicyOnExitCodesRequirement
  onPodConditions 3 []batch.v1.PodFailurePolicyOnPodConditionsPattern list=atomic
SuccessPolicy
  rules 1 []batch.v1.SuccessPolicyRule required list=atomic
SuccessPolicyRule
  succeededIndexes 1 string
  succeededCount 2 int32
UncountedTerminatedPods
  succeeded 1 []string list=set
  failed 2 []string list=set
`;
