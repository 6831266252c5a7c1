import type { Json } from '../object.js';
import type { autoscaling as v1, autoscalingV2 as v2 } from '../types/index.js';
import { metricFromV1, metricToV1, statusFromV1, statusToV1 } from './autoscaler-metrics.js';
import { message } from './messages.js';
import { pruneAndCheck } from './walker.js';

/**
 * HorizontalPodAutoscalers of autoscaling/v1 as views of autoscaling/v2, which is stored: what v1 has no fields for
 * travels in annotations (pkg/apis/autoscaling/v1/conversion.go).
 */
const METRICS = 'autoscaling.alpha.kubernetes.io/metrics';
const CURRENT_METRICS = 'autoscaling.alpha.kubernetes.io/current-metrics';
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions';
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior';
const DEFAULT_UTILIZATION = 80;

type Annotations = Record<string, string>;

/** The inputs of both are not changed; what they give shares nothing but parts without a schema. */
export function autoscalerFromV2(object: v2.HorizontalPodAutoscaler): v1.HorizontalPodAutoscaler {
  const { metrics = [], behavior, ...spec } = object.spec ?? ({} as v2.HorizontalPodAutoscalerSpec);
  const { currentMetrics, conditions = [], ...status } = object.status ?? { desiredReplicas: 0 };
  const measured = currentMetrics ?? [];
  const others = metrics.filter((metric) => !isUtilization(metric)).map(metricToV1);
  const annotations = withoutOurs(object.metadata.annotations);
  if (others.length > 0) annotations[METRICS] = JSON.stringify(others);
  if (measured.length > 0) annotations[CURRENT_METRICS] = JSON.stringify(measured.map(statusToV1));
  if (behavior !== undefined) annotations[BEHAVIOR] = JSON.stringify(behaviorToGo(behavior));
  if (conditions.length > 0) annotations[CONDITIONS] = JSON.stringify(conditions);
  return canonical<v1.HorizontalPodAutoscaler>('autoscaling.v1.HorizontalPodAutoscaler', {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v1',
    metadata: { ...object.metadata, annotations },
    spec: {
      ...spec,
      targetCPUUtilizationPercentage: metrics.find(isProcessor)?.resource?.target.averageUtilization,
    },
    status: {
      ...status,
      currentReplicas: status.currentReplicas ?? 0,
      currentCPUUtilizationPercentage:
        measured.findLast(isMeasuredUtilization)?.resource?.current.averageUtilization,
    },
  });
}

export function autoscalerToV2(object: v1.HorizontalPodAutoscaler): v2.HorizontalPodAutoscaler {
  const from = object.metadata.annotations ?? {};
  const { targetCPUUtilizationPercentage: wanted, ...spec } =
    object.spec ?? ({} as v1.HorizontalPodAutoscalerSpec);
  const { currentCPUUtilizationPercentage: measured, ...status } =
    object.status ?? ({} as v1.HorizontalPodAutoscalerStatus);
  const metrics = [
    ...(wanted === undefined ? [] : [utilization(wanted)]),
    ...listIn<v1.MetricSpec>(from, METRICS, 'MetricSpec').map(metricFromV1),
  ];
  const current = listIn<v1.MetricStatus>(from, CURRENT_METRICS, 'MetricStatus').map(statusFromV1);
  const processor = {
    type: 'Resource',
    resource: { name: 'cpu', current: { averageUtilization: measured } },
  };
  return canonical<v2.HorizontalPodAutoscaler>('autoscaling.v2.HorizontalPodAutoscaler', {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v2',
    metadata: { ...object.metadata, annotations: withoutOurs(from) },
    spec: {
      ...spec,
      metrics: metrics.length === 0 ? [utilization(DEFAULT_UTILIZATION)] : metrics,
      behavior: behaviorIn(from),
    },
    status: {
      ...status,
      currentMetrics: current.length > 0 ? current : measured === undefined ? undefined : [processor],
      conditions: listIn(from, CONDITIONS, 'HorizontalPodAutoscalerCondition'),
    },
  });
}

/** As Go would write it: absent fields left out, the ones that are always there filled in. */
function canonical<T extends object>(name: string, value: object): T {
  return pruneAndCheck<T>(value, message(name)).object;
}

function withoutOurs(annotations: Annotations = {}): Annotations {
  const { [METRICS]: _m, [CURRENT_METRICS]: _s, [CONDITIONS]: _c, [BEHAVIOR]: _b, ...others } = annotations;
  return others;
}

const isProcessor = ({ type, resource }: v2.MetricSpec): boolean =>
  type === 'Resource' && resource?.name === 'cpu';
const isUtilization = (metric: v2.MetricSpec): boolean =>
  isProcessor(metric) && metric.resource?.target.averageUtilization !== undefined;
const isMeasuredUtilization = ({ type, resource }: v2.MetricStatus): boolean =>
  type === 'Resource' && resource?.name === 'cpu' && resource.current.averageUtilization !== undefined;

function utilization(averageUtilization: number): v2.MetricSpec {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}

/** What an annotation holds; whatever is not understood counts as nothing, as in Go. */
function parsed(annotations: Annotations, name: string): Json | undefined {
  try {
    return JSON.parse(annotations[name] ?? 'null') as Json;
  } catch {
    return undefined;
  }
}

function listIn<T extends object>(annotations: Annotations, name: string, type: string): T[] {
  const value = parsed(annotations, name);
  if (!Array.isArray(value)) return [];
  try {
    return value.map((item) => canonical<T>(`autoscaling.v1.${type}`, item as object));
  } catch {
    return [];
  }
}

/** The behavior is written as the type without JSON names that upstream has inside. */
function behaviorToGo({ scaleUp, scaleDown }: v2.HorizontalPodAutoscalerBehavior): object {
  return { ScaleUp: rulesToGo(scaleUp), ScaleDown: rulesToGo(scaleDown) };
}

function rulesToGo(rules: v2.HPAScalingRules | undefined): object | null {
  if (rules === undefined) return null;
  return {
    StabilizationWindowSeconds: rules.stabilizationWindowSeconds ?? null,
    SelectPolicy: rules.selectPolicy ?? null,
    Policies: (rules.policies ?? []).map(({ type, value, periodSeconds }) => ({
      Type: type,
      Value: value,
      PeriodSeconds: periodSeconds,
    })),
    Tolerance: rules.tolerance ?? null,
  };
}

function behaviorIn(annotations: Annotations): v2.HorizontalPodAutoscalerBehavior | undefined {
  const value = uncapitalized(parsed(annotations, BEHAVIOR));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  try {
    const name = 'autoscaling.v2.HorizontalPodAutoscalerBehavior';
    const behavior = canonical<v2.HorizontalPodAutoscalerBehavior>(name, value);
    return Object.keys(behavior).length === 0 ? undefined : behavior;
  } catch {
    return undefined;
  }
}

function uncapitalized(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return value.map((item) => uncapitalized(item)!);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => [
    name.slice(0, 1).toLowerCase() + name.slice(1),
    uncapitalized(item as Json),
  ]);
  return Object.fromEntries(entries) as Json;
}
