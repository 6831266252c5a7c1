import type { batch } from '#api';
import type { Strategy } from '../contracts.js';
import { startsWith } from './status.js';

const UID_LABEL = 'batch.kubernetes.io/controller-uid';
const NAME_LABEL = 'batch.kubernetes.io/job-name';

/** Unless manualSelector is set, a Job selects exactly its own Pods: by labels made from its UID. */
function generateSelector(job: batch.Job): void {
  const template = job.spec?.template;
  if (job.spec === undefined || template === undefined || job.spec.manualSelector === true) return;
  const uid = job.metadata.uid ?? '';
  const name = job.metadata.name ?? '';
  template.metadata ??= {};
  template.metadata.labels = {
    ...template.metadata.labels,
    'controller-uid': uid,
    'job-name': name,
    [UID_LABEL]: uid,
    [NAME_LABEL]: name,
  };
  job.spec.selector = {
    ...job.spec.selector,
    matchLabels: { ...job.spec.selector?.matchLabels, [UID_LABEL]: uid },
  };
}

export function jobStrategy(): Strategy<batch.Job> {
  const halves = startsWith<batch.Job>(() => ({}));
  return {
    ...halves,
    allowUnconditionalUpdate: true,
    prepareForCreate(context, object) {
      halves.prepareForCreate!(context, object);
      generateSelector(object);
    },
    fields: (object) => ({ 'status.successful': String(object.status?.succeeded ?? 0) }),
  };
}
