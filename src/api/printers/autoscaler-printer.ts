import { autoscalerToV2 } from '../schema/autoscaler-conversion.js';
import type { autoscaling as v1, autoscalingV2 as v2 } from '../types/index.js';
import { age, ageColumn, column, nameColumn, printer } from './columns.js';

const UNKNOWN = '<unknown>';
/** Metrics that fit into the cell; the rest is counted. */
const MAX_METRICS = 2;

type Target = v2.MetricTarget | undefined;
type Value = v2.MetricValueStatus | undefined;

/** Upstream's columns of HorizontalPodAutoscalers. */
export const autoscalerPrinter = printer<v2.HorizontalPodAutoscaler>(
  [
    nameColumn,
    column('Reference', 'string', 'The workload that is scaled.'),
    column('Targets', 'string', 'Measured and wanted values.'),
    column('MinPods', 'string', 'The least replicas.'),
    column('MaxPods', 'string', 'The most replicas.'),
    column('Replicas', 'string', 'The replicas there are.'),
    ageColumn,
  ],
  (object, now) => {
    const { spec, status } = object;
    return [
      object.metadata.name ?? '',
      `${spec?.scaleTargetRef?.kind ?? ''}/${spec?.scaleTargetRef?.name ?? ''}`,
      targets(spec?.metrics ?? [], status?.currentMetrics ?? []),
      spec?.minReplicas === undefined ? '<unset>' : String(spec.minReplicas),
      spec?.maxReplicas ?? 0,
      status?.currentReplicas ?? 0,
      age(object, now),
    ];
  },
);

/** The same of what v1 says, annotations included. */
export const autoscalerV1Printer = printer<v1.HorizontalPodAutoscaler>(
  autoscalerPrinter.columns,
  (object, now) => autoscalerPrinter.cells(autoscalerToV2(object), now),
);

function targets(specs: v2.MetricSpec[], statuses: v2.MetricStatus[]): string {
  if (specs.length === 0) return '<none>';
  const texts = specs.slice(0, MAX_METRICS).map((spec, i) => metric(spec, statuses[i]));
  const more = specs.length - texts.length;
  return more > 0 ? `${texts.join(', ')} + ${more} more...` : texts.join(', ');
}

function metric(spec: v2.MetricSpec, status: v2.MetricStatus | undefined): string {
  const { resource, containerResource, pods, object, external } = spec;
  if (resource !== undefined) return `${resource.name}: ${ratio(resource.target, status?.resource?.current)}`;
  if (containerResource !== undefined) {
    return `${containerResource.name}: ${ratio(containerResource.target, status?.containerResource?.current)}`;
  }
  if (pods !== undefined) return average(pods.target, status?.pods?.current, '');
  if (object !== undefined) return valueOrAverage(object.target, status?.object?.current);
  if (external !== undefined) return valueOrAverage(external.target, status?.external?.current);
  return '<unknown type>';
}

/** Of requested resources: an amount, or a share of it. */
function ratio(target: Target, current: Value): string {
  if (target?.averageValue !== undefined) return average(target, current, '');
  const now = current?.averageUtilization === undefined ? UNKNOWN : `${current.averageUtilization}%`;
  const wanted = target?.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`;
  return `${now}/${wanted}`;
}

function valueOrAverage(target: Target, current: Value): string {
  if (target?.averageValue !== undefined) return average(target, current, ' (avg)');
  return `${current?.value ?? UNKNOWN}/${target?.value ?? UNKNOWN}`;
}

function average(target: Target, current: Value, note: string): string {
  return `${current?.averageValue ?? UNKNOWN}/${target?.averageValue ?? UNKNOWN}${note}`;
}
