/** Texts of `kubectl explain` for workloads and their disruption. */
export const workloadDescriptions = `
apps.v1.Deployment Keeps a number of equal Pods running and changes them step by step.
  metadata Standard object metadata.
  spec The desired state.
  status What the system observed.
apps.v1.DeploymentSpec The Pods of a Deployment and how they change.
  minReadySeconds Seconds that a Pod must be ready before it counts as available.
  paused Holds changes of the template back.
  progressDeadlineSeconds Seconds without progress after which the rollout counts as failed; 600 unless set.
  replicas How many Pods are wanted; 1 unless set.
  revisionHistoryLimit How many old ReplicaSets are kept for rollback; 10 unless set.
  selector Labels of the Pods; must match the template and cannot change.
  strategy How old Pods are replaced by new ones.
  template The Pods.
apps.v1.DeploymentStrategy How old Pods are replaced by new ones.
  rollingUpdate Settings of RollingUpdate.
  type RollingUpdate or Recreate.
apps.v1.RollingUpdateDeployment Settings of RollingUpdate.
  maxSurge Pods above the wanted number during a rollout, as a number or a percentage.
  maxUnavailable Pods that may be missing during a rollout, as a number or a percentage.
apps.v1.DeploymentStatus State of a Deployment.
  availableReplicas Pods that have been ready for minReadySeconds.
  collisionCount Hash collisions that were avoided.
  conditions Available, Progressing and ReplicaFailure.
  observedGeneration The generation that the controller has seen.
  readyReplicas Pods that are ready.
  replicas Pods that exist.
  terminatingReplicas Pods that are on their way out.
  unavailableReplicas Pods that are still missing.
  updatedReplicas Pods of the present template.
apps.v1.ReplicaSet Keeps a number of equal Pods running.
  spec The desired state.
  status What the system observed.
apps.v1.ReplicaSetSpec The Pods of a ReplicaSet.
  minReadySeconds Seconds that a Pod must be ready before it counts as available.
  replicas How many Pods are wanted; 1 unless set.
  selector Labels of the Pods; must match the template.
  template The Pods.
apps.v1.DaemonSet Runs one Pod on every matching node.
apps.v1.StatefulSet Keeps Pods with stable names and storage.
batch.v1.Job Runs Pods until enough have succeeded.
batch.v1.CronJob Starts Jobs on a schedule.
core.v1.ReplicationController Keeps a number of equal Pods running; the older form of ReplicaSet.
policy.v1.PodDisruptionBudget Limits how many Pods may be evicted at once.
autoscaling.v1.Scale The size of a workload.
  spec The wanted size.
  status The present size.
autoscaling.v1.ScaleSpec The wanted size.
  replicas How many Pods are wanted.
autoscaling.v1.ScaleStatus The present size.
  replicas How many Pods there are.
  selector Selector of the Pods as a text.
`;
