import type { apps, batch, core, policy } from '../types/index.js';
import {
  age,
  ageColumn,
  column,
  containerCells,
  containerColumns,
  formatLabels,
  formatSelector,
  nameColumn,
  type Printer,
  printer,
  selectorText,
} from './columns.js';
import { humanDuration, timeSince } from './duration.js';

const selectorColumn = column('*Selector', 'string', 'Label selector of the pods.');

const deploymentPrinter = printer<apps.Deployment>(
  [
    nameColumn,
    column('Ready', 'string', 'Number of the pod with ready state'),
    column(
      'Up-to-date',
      'string',
      'Total number of non-terminated pods that have the desired template spec.',
    ),
    column('Available', 'string', 'Total number of available pods targeted by this deployment.'),
    ageColumn,
    ...containerColumns,
    selectorColumn,
  ],
  (deployment, now) => [
    deployment.metadata.name ?? '',
    `${deployment.status?.readyReplicas ?? 0}/${deployment.spec?.replicas ?? 0}`,
    deployment.status?.updatedReplicas ?? 0,
    deployment.status?.availableReplicas ?? 0,
    age(deployment, now),
    ...containerCells(deployment.spec?.template),
    selectorText(deployment.spec?.selector),
  ],
);

const replicaColumns = [
  nameColumn,
  column('Desired', 'integer', 'Replicas is the number of desired replicas.'),
  column('Current', 'integer', 'Replicas is the most recently observed number of replicas.'),
  column('Ready', 'integer', 'The number of pods with a Ready Condition.'),
  ageColumn,
  ...containerColumns,
  selectorColumn,
];

const replicaSetPrinter = printer<apps.ReplicaSet>(replicaColumns, (set, now) => [
  set.metadata.name ?? '',
  set.spec?.replicas ?? 0,
  set.status?.replicas ?? 0,
  set.status?.readyReplicas ?? 0,
  age(set, now),
  ...containerCells(set.spec?.template),
  formatSelector(set.spec?.selector),
]);

const controllerPrinter = printer<core.ReplicationController>(replicaColumns, (controller, now) => [
  controller.metadata.name ?? '',
  controller.spec?.replicas ?? 0,
  controller.status?.replicas ?? 0,
  controller.status?.readyReplicas ?? 0,
  age(controller, now),
  ...containerCells(controller.spec?.template),
  formatLabels(controller.spec?.selector),
]);

const daemonSetPrinter = printer<apps.DaemonSet>(
  [
    nameColumn,
    column('Desired', 'integer', 'The total number of nodes that should be running the daemon pod.'),
    column('Current', 'integer', 'The number of nodes that are running at least 1 daemon pod.'),
    column('Ready', 'integer', 'Number of nodes that should be running the daemon pod and have it ready.'),
    column('Up-to-date', 'integer', 'The total number of nodes that are running updated daemon pod'),
    column('Available', 'integer', 'The number of nodes that have the daemon pod running and available.'),
    column('Node Selector', 'string', 'Labels that a node must have for the pod to fit on it.'),
    ageColumn,
    ...containerColumns,
    selectorColumn,
  ],
  (set, now) => [
    set.metadata.name ?? '',
    set.status?.desiredNumberScheduled ?? 0,
    set.status?.currentNumberScheduled ?? 0,
    set.status?.numberReady ?? 0,
    set.status?.updatedNumberScheduled ?? 0,
    set.status?.numberAvailable ?? 0,
    formatLabels(set.spec?.template?.spec?.nodeSelector),
    age(set, now),
    ...containerCells(set.spec?.template),
    formatSelector(set.spec?.selector),
  ],
);

const statefulSetPrinter = printer<apps.StatefulSet>(
  [
    nameColumn,
    column('Ready', 'string', 'Number of the pod with ready state'),
    ageColumn,
    ...containerColumns,
  ],
  (set, now) => [
    set.metadata.name ?? '',
    `${set.status?.readyReplicas ?? 0}/${set.spec?.replicas ?? 0}`,
    age(set, now),
    ...containerCells(set.spec?.template),
  ],
);

function jobCompletions(job: batch.Job): string {
  const succeeded = job.status?.succeeded ?? 0;
  if (job.spec?.completions !== undefined) return `${succeeded}/${job.spec.completions}`;
  const parallelism = job.spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDuration(job: batch.Job, now: number): string {
  const { startTime, completionTime } = job.status ?? {};
  if (startTime === undefined) return '';
  return humanDuration(
    (completionTime === undefined ? now : Date.parse(completionTime)) - Date.parse(startTime),
  );
}

function jobStatus(job: batch.Job): string {
  const has = (type: string): boolean =>
    (job.status?.conditions ?? []).some((one) => one.type === type && one.status === 'True');
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp !== undefined) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(has) ?? 'Running';
}

const jobPrinter = printer<batch.Job>(
  [
    nameColumn,
    column('Status', 'string', 'Status of the job.'),
    column('Completions', 'string', 'Successful pods, and how many are wanted.'),
    column('Duration', 'string', 'Time required to complete the job.'),
    ageColumn,
    ...containerColumns,
    selectorColumn,
  ],
  (job, now) => [
    job.metadata.name ?? '',
    jobStatus(job),
    jobCompletions(job),
    jobDuration(job, now),
    age(job, now),
    ...containerCells(job.spec?.template),
    formatSelector(job.spec?.selector),
  ],
);

const cronJobPrinter = printer<batch.CronJob>(
  [
    nameColumn,
    column('Schedule', 'string', 'The schedule in Cron format.'),
    column('Timezone', 'string', 'The time zone name for the given schedule.'),
    column('Suspend', 'boolean', 'Whether subsequent executions are suspended.'),
    column('Active', 'integer', 'Number of currently running jobs.'),
    column('Last Schedule', 'string', 'When the job was last successfully scheduled.'),
    ageColumn,
    ...containerColumns,
    selectorColumn,
  ],
  (job, now) => {
    const suspend = job.spec?.suspend;
    const template = job.spec?.jobTemplate?.spec;
    return [
      job.metadata.name ?? '',
      job.spec?.schedule ?? '',
      job.spec?.timeZone ?? '<none>',
      suspend === undefined ? '<unset>' : suspend ? 'True' : 'False',
      (job.status?.active ?? []).length,
      job.status?.lastScheduleTime === undefined ? '<none>' : timeSince(job.status.lastScheduleTime, now),
      age(job, now),
      ...containerCells(template?.template),
      formatSelector(template?.selector),
    ];
  },
);

const revisionPrinter = printer<apps.ControllerRevision>(
  [
    nameColumn,
    column('Controller', 'string', 'Controller of the object.'),
    column('Revision', 'integer', 'The revision of the state represented by data.'),
    ageColumn,
  ],
  (revision, now) => {
    const owner = (revision.metadata.ownerReferences ?? []).find((one) => one.controller === true);
    const group = (owner?.apiVersion ?? '').includes('/') ? `.${owner!.apiVersion.split('/')[0]}` : '';
    return [
      revision.metadata.name ?? '',
      owner === undefined ? '<none>' : `${owner.kind.toLowerCase()}${group}/${owner.name}`,
      revision.revision ?? 0,
      age(revision, now),
    ];
  },
);

const budgetPrinter = printer<policy.PodDisruptionBudget>(
  [
    nameColumn,
    column('Min Available', 'string', 'The minimum number of pods that must be available.'),
    column('Max Unavailable', 'string', 'The maximum number of pods that may be unavailable.'),
    column('Allowed Disruptions', 'integer', 'Calculated number of pods that may be disrupted at this time.'),
    ageColumn,
  ],
  (budget, now) => [
    budget.metadata.name ?? '',
    String(budget.spec?.minAvailable ?? 'N/A'),
    String(budget.spec?.maxUnavailable ?? 'N/A'),
    budget.status?.disruptionsAllowed ?? 0,
    age(budget, now),
  ],
);

export const workloadPrinters: Record<string, Printer> = {
  'apps.v1.Deployment': deploymentPrinter,
  'apps.v1.ReplicaSet': replicaSetPrinter,
  'core.v1.ReplicationController': controllerPrinter,
  'apps.v1.DaemonSet': daemonSetPrinter,
  'apps.v1.StatefulSet': statefulSetPrinter,
  'batch.v1.Job': jobPrinter,
  'batch.v1.CronJob': cronJobPrinter,
  'apps.v1.ControllerRevision': revisionPrinter,
  'policy.v1.PodDisruptionBudget': budgetPrinter,
};
