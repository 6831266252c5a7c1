import { selectorMatches } from '../selectors/selector-match.js';
import type { batch } from '../types/index.js';
import { Check, type Path, semanticEqual } from './field-error.js';
import { type NameFormat, nameIsDnsSubdomain } from './formats.js';
import { checkLabelSelector } from './labels.js';
import { checkObjectMeta, checkObjectMetaUpdate } from './object-meta.js';
import { checkPodTemplateSpec } from './pod-spec.js';

type Errors = Check['errors'];

const MAX_PARALLEL_INDEXED = 100_000;
const MAX_CRON_JOB_NAME = 52;
/** Fields of a Job's spec that may not change; the template's scheduling directives may while it is suspended. */
const IMMUTABLE = [
  'selector',
  'completionMode',
  'podFailurePolicy',
  'backoffLimitPerIndex',
  'managedBy',
  'successPolicy',
] as const;

function checkRestartPolicy(check: Check, path: Path, spec: batch.JobSpec): void {
  const policy = spec.template?.spec?.restartPolicy ?? '';
  const at = `${path}.template.spec.restartPolicy`;
  if (policy === 'Always') check.required(at, 'valid values: "OnFailure", "Never"');
  else if (policy !== 'OnFailure' && policy !== 'Never') {
    check.notSupported(at, policy, ['OnFailure', 'Never']);
  } else if (spec.podFailurePolicy !== undefined && policy !== 'Never') {
    check.invalid(at, policy, 'only "Never" is supported when podFailurePolicy is specified');
  }
}

function checkIndexed(check: Check, path: Path, spec: batch.JobSpec): void {
  check.optionalOneOf(`${path}.completionMode`, spec.completionMode, ['Indexed', 'NonIndexed']);
  if (spec.completionMode === 'Indexed') {
    if (spec.completions === undefined) {
      check.required(`${path}.completions`, 'when completion mode is Indexed');
    }
    if ((spec.parallelism ?? 0) > MAX_PARALLEL_INDEXED) {
      check.invalid(
        `${path}.parallelism`,
        spec.parallelism,
        `must be less than or equal to ${MAX_PARALLEL_INDEXED} when completion mode is Indexed`,
      );
    }
  } else if (spec.backoffLimitPerIndex !== undefined) {
    check.invalid(
      `${path}.backoffLimitPerIndex`,
      spec.backoffLimitPerIndex,
      'requires indexed completion mode',
    );
  }
}

function checkJobSpec(check: Check, path: Path, spec: batch.JobSpec, old?: batch.JobSpec): void {
  for (const field of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const) {
    check.nonNegative(`${path}.${field}`, spec[field]);
  }
  checkIndexed(check, path, spec);
  check.optionalOneOf(`${path}.podReplacementPolicy`, spec.podReplacementPolicy, [
    'Failed',
    'TerminatingOrFailed',
  ]);
  checkPodTemplateSpec(check, `${path}.template`, spec.template, old?.template);
  checkRestartPolicy(check, path, spec);
}

function checkJob(check: Check, job: batch.Job, old?: batch.Job): void {
  checkObjectMeta(check, job.metadata, { namespaced: true, name: nameIsDnsSubdomain });
  const spec = job.spec ?? ({ template: {} } as batch.JobSpec);
  checkJobSpec(check, 'spec', spec, old?.spec);
  if (spec.selector === undefined) return check.required('spec.selector');
  checkLabelSelector(check, 'spec.selector', spec.selector);
  const labels = spec.template?.metadata?.labels ?? {};
  if (!selectorMatches(spec.selector, labels)) {
    check.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`');
  }
}

/** The registry has generated the selector before, unless it is the user's own. */
export function validateJob(job: batch.Job): Errors {
  const check = new Check();
  checkJob(check, job);
  return check.errors;
}

/** Suspended jobs that never started may change where their pods run. */
function maySchedule(old: batch.Job): boolean {
  return old.spec?.suspend === true && old.status?.startTime === undefined;
}

function withoutScheduling(spec: batch.JobSpec | undefined): unknown {
  const template = spec?.template;
  const {
    nodeSelector: _n,
    tolerations: _t,
    schedulingGates: _g,
    affinity,
    ...rest
  } = template?.spec ?? { containers: [] };
  const { nodeAffinity: _a, ...others } = affinity ?? {};
  return { ...template, metadata: undefined, spec: { ...rest, affinity: others } };
}

export function validateJobUpdate(job: batch.Job, old: batch.Job): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, job.metadata, old.metadata);
  checkJob(check, job, old);
  const now = job.spec;
  const before = old.spec;
  const elastic =
    now?.completionMode === 'Indexed' && now.completions === now.parallelism && now.completions !== undefined;
  if (!elastic) check.immutable('spec.completions', now?.completions, before?.completions);
  for (const field of IMMUTABLE) check.immutable(`spec.${field}`, now?.[field], before?.[field]);
  const same = maySchedule(old)
    ? semanticEqual(withoutScheduling(now), withoutScheduling(before))
    : semanticEqual(now?.template, before?.template);
  if (!same) check.invalid('spec.template', now?.template, 'field is immutable');
  return check.errors;
}

export function validateJobStatusUpdate(job: batch.Job, old: batch.Job): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, job.metadata, old.metadata);
  for (const field of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const) {
    check.nonNegative(`status.${field}`, job.status?.[field]);
  }
  return check.errors;
}

const RANGES: readonly (readonly [string, number, number])[] = [
  ['minute', 0, 59],
  ['hour', 0, 23],
  ['day of month', 1, 31],
  ['month', 1, 12],
  ['day of week', 0, 6],
];
const NAMES: readonly string[][] = [
  [],
  [],
  [],
  ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
];
const DESCRIPTORS = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

function cronNumber(text: string, field: number): number | undefined {
  const named = NAMES[field]!.indexOf(text.toLowerCase());
  if (named >= 0) return named + RANGES[field]![1];
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function cronRangeError(part: string, field: number): string | undefined {
  const [, min, max] = RANGES[field]!;
  const [range = '', step, ...more] = part.split('/');
  if (more.length > 0) return `too many slashes: ${part}`;
  if (step !== undefined && !/^[1-9]\d{0,8}$/.test(step)) return `failed to parse int from ${step}`;
  if (range === '*' || range === '?') return undefined;
  const bounds = range.split('-');
  if (bounds.length > 2) return `too many hyphens: ${part}`;
  const values = bounds.map((bound) => cronNumber(bound, field));
  const bad = values.indexOf(undefined);
  if (bad >= 0) return `failed to parse int from ${bounds[bad]}`;
  const [start, end = start] = values as [number, number?];
  if (start < min) return `beginning of range (${start}) below minimum (${min}): ${part}`;
  if (end! > max) return `end of range (${end}) above maximum (${max}): ${part}`;
  return start > end! ? `beginning of range (${start}) beyond end of range (${end}): ${part}` : undefined;
}

/** What is wrong with a schedule in standard cron form (five fields, or a descriptor); undefined when it is valid. */
function cronScheduleError(schedule: string): string | undefined {
  const text = schedule.trim();
  if (text === '') return 'empty spec string';
  if (text.startsWith('@')) {
    if (DESCRIPTORS.includes(text) || /^@every (\d+(\.\d+)?(ns|us|ms|s|m|h))+$/.test(text)) return undefined;
    return `unrecognized descriptor: ${text}`;
  }
  const fields = text.split(/\s+/);
  if (fields.length !== RANGES.length) {
    return `expected exactly ${RANGES.length} fields, found ${fields.length}: [${fields.join(' ')}]`;
  }
  for (const [i, field] of fields.entries()) {
    for (const part of field.split(',')) {
      const error = cronRangeError(part, i);
      if (error !== undefined) return error;
    }
  }
  return undefined;
}

const cronJobName: NameFormat = (name, prefix) => [
  ...nameIsDnsSubdomain(name, prefix),
  ...(prefix !== true && name.length > MAX_CRON_JOB_NAME
    ? [`must be no more than ${MAX_CRON_JOB_NAME} characters`]
    : []),
];

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

function checkSchedule(check: Check, spec: batch.CronJobSpec | undefined): void {
  const schedule = spec?.schedule ?? '';
  if (schedule === '') check.required('spec.schedule');
  else if (/^(CRON_)?TZ=/.test(schedule.trim())) {
    check.invalid(
      'spec.schedule',
      schedule,
      'cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    );
  } else {
    const error = cronScheduleError(schedule);
    if (error !== undefined) check.invalid('spec.schedule', schedule, error);
  }
  const zone = spec?.timeZone;
  if (zone === undefined) return;
  if (zone === '') check.invalid('spec.timeZone', zone, 'timeZone must be nil or non-empty string');
  else if (zone.toLowerCase() === 'local') {
    check.invalid(
      'spec.timeZone',
      zone,
      'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
    );
  } else if (!isTimeZone(zone)) check.invalid('spec.timeZone', zone, `unknown time zone ${zone}`);
}

function checkCronJob(check: Check, job: batch.CronJob, old?: batch.CronJob): void {
  checkObjectMeta(check, job.metadata, { namespaced: true, name: cronJobName });
  const spec = job.spec;
  checkSchedule(check, spec);
  check.nonNegative('spec.startingDeadlineSeconds', spec?.startingDeadlineSeconds);
  check.oneOf('spec.concurrencyPolicy', spec?.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']);
  const template = spec?.jobTemplate?.spec ?? ({ template: {} } as batch.JobSpec);
  checkJobSpec(check, 'spec.jobTemplate.spec', template, old?.spec?.jobTemplate?.spec);
  if (template.manualSelector === true) {
    check.notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false']);
  }
  check.nonNegative('spec.successfulJobsHistoryLimit', spec?.successfulJobsHistoryLimit);
  check.nonNegative('spec.failedJobsHistoryLimit', spec?.failedJobsHistoryLimit);
}

export function validateCronJob(job: batch.CronJob): Errors {
  const check = new Check();
  checkCronJob(check, job);
  return check.errors;
}

export function validateCronJobUpdate(job: batch.CronJob, old: batch.CronJob): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, job.metadata, old.metadata);
  checkCronJob(check, job, old);
  return check.errors;
}
