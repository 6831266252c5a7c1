import {
  autoscalerFromV2,
  autoscalerToV2,
  type autoscaling,
  type autoscalingV2,
  type KubeObject,
} from '#api';
import type { Strategy } from '../contracts.js';
import { startsWith } from './status.js';

type V1 = autoscaling.HorizontalPodAutoscaler;
type V2 = autoscalingV2.HorizontalPodAutoscaler;

/** HorizontalPodAutoscalers in both versions (registry/autoscaling/horizontalpodautoscaler). */
export function autoscalerStrategies(): [string, Strategy][] {
  const second: Strategy<V2> = { ...startsWith<V2>(noMetrics), allowUnconditionalUpdate: true };
  return [
    ['autoscaling.v2.HorizontalPodAutoscaler', second as Strategy],
    ['autoscaling.v1.HorizontalPodAutoscaler', firstVersion() as Strategy],
  ];
}

/** Annotations of v1 hold parts of spec and status: a write to one of the two must not change the other by them. */
function firstVersion(): Strategy<V1> {
  return {
    allowUnconditionalUpdate: true,
    prepareForCreate(_context, object) {
      become(object, { ...autoscalerToV2(object), status: noMetrics() });
    },
    prepareForUpdate({ subresource }, object, old) {
      const [wanted, present] = [autoscalerToV2(object), autoscalerToV2(old)];
      const kept = subresource === 'status' ? { spec: present.spec } : { status: present.status };
      become(object, { ...wanted, ...kept } as V2);
    },
  };
}

/** Makes an object what the other version says, in place. */
function become(object: V1, said: V2): void {
  const { metadata, spec, status } = autoscalerFromV2(said);
  Object.assign(object as KubeObject, { metadata, spec, status });
}

/** As Go writes it: there is a list, and it is null. */
function noMetrics(): autoscalingV2.HorizontalPodAutoscalerStatus {
  return {
    desiredReplicas: 0,
    currentMetrics: null,
  } as unknown as autoscalingV2.HorizontalPodAutoscalerStatus;
}
