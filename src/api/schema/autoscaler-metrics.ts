import type { autoscaling as v1, autoscalingV2 as v2 } from '../types/index.js';

/** Metrics in the form that autoscaling/v1 keeps in annotations, members in Go's order, and back. */
export function metricToV1(metric: v2.MetricSpec): v1.MetricSpec {
  const { type, object, pods, resource, containerResource, external } = metric;
  return {
    type,
    ...(object && {
      object: {
        target: object.describedObject,
        metricName: object.metric.name,
        targetValue: object.target.value ?? '0',
        ...selectorOf('selector', object.metric),
        ...(object.target.averageValue && { averageValue: object.target.averageValue }),
      },
    }),
    ...(pods && {
      pods: {
        metricName: pods.metric.name,
        targetAverageValue: pods.target.averageValue ?? '0',
        ...selectorOf('selector', pods.metric),
      },
    }),
    ...(resource && { resource: { name: resource.name, ...resourceTarget(resource.target) } }),
    ...(containerResource && {
      containerResource: {
        name: containerResource.name,
        ...resourceTarget(containerResource.target),
        container: containerResource.container,
      },
    }),
    ...(external && {
      external: {
        metricName: external.metric.name,
        ...selectorOf('metricSelector', external.metric),
        ...(external.target.value && { targetValue: external.target.value }),
        ...(external.target.averageValue && { targetAverageValue: external.target.averageValue }),
      },
    }),
  };
}

function resourceTarget({ averageUtilization, averageValue }: v2.MetricTarget) {
  return {
    ...(averageUtilization !== undefined && { targetAverageUtilization: averageUtilization }),
    ...(averageValue && { targetAverageValue: averageValue }),
  };
}

function selectorOf<K extends string>(key: K, { selector }: v2.MetricIdentifier) {
  return selector === undefined ? {} : ({ [key]: selector } as Record<K, typeof selector>);
}

export function metricFromV1(metric: v1.MetricSpec): v2.MetricSpec {
  const { type, object, pods, resource, containerResource, external } = metric;
  return {
    type,
    ...(object && {
      object: {
        describedObject: object.target,
        metric: identifier(object.metricName, object.selector),
        target: {
          type: object.averageValue === undefined ? 'Value' : 'AverageValue',
          value: object.targetValue,
          ...(object.averageValue && { averageValue: object.averageValue }),
        },
      },
    }),
    ...(pods && {
      pods: {
        metric: identifier(pods.metricName, pods.selector),
        target: { type: 'AverageValue', averageValue: pods.targetAverageValue },
      },
    }),
    ...(resource && { resource: { name: resource.name, target: targetOf(resource) } }),
    ...(containerResource && {
      containerResource: {
        name: containerResource.name,
        target: targetOf(containerResource),
        container: containerResource.container,
      },
    }),
    ...(external && {
      external: {
        metric: identifier(external.metricName, external.metricSelector),
        target: {
          type: external.targetValue === undefined ? 'AverageValue' : 'Value',
          ...(external.targetValue && { value: external.targetValue }),
          ...(external.targetAverageValue && { averageValue: external.targetAverageValue }),
        },
      },
    }),
  };
}

function identifier(name: string, selector: v2.MetricIdentifier['selector']): v2.MetricIdentifier {
  return { name, ...(selector && { selector }) };
}

function targetOf(source: v1.ResourceMetricSource): v2.MetricTarget {
  const { targetAverageUtilization: averageUtilization, targetAverageValue: averageValue } = source;
  return {
    type: averageUtilization === undefined ? 'AverageValue' : 'Utilization',
    ...(averageUtilization !== undefined && { averageUtilization }),
    ...(averageValue && { averageValue }),
  };
}

/** What was measured, likewise. */
export function statusToV1(status: v2.MetricStatus): v1.MetricStatus {
  const { type, object, pods, resource, containerResource, external } = status;
  return {
    type,
    ...(object && {
      object: {
        target: object.describedObject,
        metricName: object.metric.name,
        currentValue: object.current.value ?? '0',
        ...selectorOf('selector', object.metric),
        ...(object.current.averageValue && { averageValue: object.current.averageValue }),
      },
    }),
    ...(pods && {
      pods: {
        metricName: pods.metric.name,
        currentAverageValue: pods.current.averageValue ?? '0',
        ...selectorOf('selector', pods.metric),
      },
    }),
    ...(resource && { resource: { name: resource.name, ...resourceCurrent(resource.current) } }),
    ...(containerResource && {
      containerResource: {
        name: containerResource.name,
        ...resourceCurrent(containerResource.current),
        container: containerResource.container,
      },
    }),
    ...(external && {
      external: {
        metricName: external.metric.name,
        ...selectorOf('metricSelector', external.metric),
        currentValue: external.current.value ?? '0',
        ...(external.current.averageValue && { currentAverageValue: external.current.averageValue }),
      },
    }),
  };
}

function resourceCurrent({ averageUtilization, averageValue }: v2.MetricValueStatus) {
  return {
    ...(averageUtilization !== undefined && { currentAverageUtilization: averageUtilization }),
    currentAverageValue: averageValue ?? '0',
  };
}

export function statusFromV1(status: v1.MetricStatus): v2.MetricStatus {
  const { type, object, pods, resource, containerResource, external } = status;
  return {
    type,
    ...(object && {
      object: {
        metric: identifier(object.metricName, object.selector),
        current: {
          value: object.currentValue,
          ...(object.averageValue && { averageValue: object.averageValue }),
        },
        describedObject: object.target,
      },
    }),
    ...(pods && {
      pods: {
        metric: identifier(pods.metricName, pods.selector),
        current: { averageValue: pods.currentAverageValue },
      },
    }),
    ...(resource && { resource: { name: resource.name, current: currentOf(resource) } }),
    ...(containerResource && {
      containerResource: {
        name: containerResource.name,
        current: currentOf(containerResource),
        container: containerResource.container,
      },
    }),
    ...(external && {
      external: {
        metric: identifier(external.metricName, external.metricSelector),
        current: {
          value: external.currentValue,
          ...(external.currentAverageValue && { averageValue: external.currentAverageValue }),
        },
      },
    }),
  };
}

function currentOf(status: v1.ResourceMetricStatus): v2.MetricValueStatus {
  const { currentAverageUtilization: averageUtilization, currentAverageValue: averageValue } = status;
  return { ...(averageUtilization !== undefined && { averageUtilization }), averageValue };
}
