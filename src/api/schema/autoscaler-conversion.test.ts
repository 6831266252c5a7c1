import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { autoscaling as v1, autoscalingV2 as v2 } from '../types/index.js';
import { autoscalerFromV2, autoscalerToV2 } from './autoscaler-conversion.js';
import { message } from './messages.js';
import { structOf } from './testing/arbitrary.js';
import { pruneAndCheck } from './walker.js';

const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const cpu = (averageUtilization: number): v2.MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});
const first = (annotations: Record<string, string>, spec = {}): v1.HorizontalPodAutoscaler => ({
  metadata: { name: 'h', annotations },
  spec: { scaleTargetRef, maxReplicas: 3, ...spec },
});
const second = (spec: Partial<v2.HorizontalPodAutoscalerSpec>, status = {}): v2.HorizontalPodAutoscaler => ({
  metadata: { name: 'h', annotations: { mine: 'yes' } },
  spec: { scaleTargetRef, maxReplicas: 3, ...spec },
  status: { desiredReplicas: 2, ...status },
});
const PREFIX = 'autoscaling.alpha.kubernetes.io';

describe('an autoscaler of v2 as v1 shows it', () => {
  it('has the processor target in its spec, and other metrics in upstream’s annotation', () => {
    const pods = {
      type: 'Pods',
      pods: {
        metric: { name: 'rps', selector: { matchLabels: { a: 'b' } } },
        target: { type: 'AverageValue', averageValue: '1k' },
      },
    };
    const object = {
      type: 'Object',
      object: {
        describedObject: scaleTargetRef,
        metric: { name: 'hits' },
        target: { type: 'AverageValue', averageValue: '5' },
      },
    };
    const shown = autoscalerFromV2(second({ metrics: [cpu(50), pods, object] }));
    expect(shown.spec).toEqual({ scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 50 });
    expect(shown.metadata.annotations).toEqual({
      mine: 'yes',
      [`${PREFIX}/metrics`]:
        '[{"type":"Pods","pods":{"metricName":"rps","targetAverageValue":"1k","selector":{"matchLabels":{"a":"b"}}}},' +
        '{"type":"Object","object":{"target":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},"metricName":"hits","targetValue":"0","averageValue":"5"}}]',
    });
  });

  it('keeps behavior as the type inside upstream is written, without JSON names', () => {
    const behavior = {
      scaleUp: { selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }] },
    };
    expect(autoscalerFromV2(second({ behavior })).metadata.annotations).toEqual({
      mine: 'yes',
      [`${PREFIX}/behavior`]:
        '{"ScaleUp":{"StabilizationWindowSeconds":null,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}],"Tolerance":null},"ScaleDown":null}',
    });
  });

  it('shows measured utilization, and everything measured and every condition in annotations', () => {
    const currentMetrics = [
      {
        type: 'Resource',
        resource: { name: 'cpu', current: { averageUtilization: 42, averageValue: '84m' } },
      },
    ];
    const conditions = [{ type: 'AbleToScale', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }];
    const shown = autoscalerFromV2(second({ metrics: [cpu(50)] }, { currentMetrics, conditions }));
    expect(shown.status).toEqual({
      currentReplicas: 0,
      desiredReplicas: 2,
      currentCPUUtilizationPercentage: 42,
    });
    expect(shown.metadata.annotations).toEqual({
      mine: 'yes',
      [`${PREFIX}/current-metrics`]:
        '[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":42,"currentAverageValue":"84m"}}]',
      [`${PREFIX}/conditions`]:
        '[{"type":"AbleToScale","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z"}]',
    });
  });

  it('goes there and back without loss once it has been there, whatever it is', () => {
    const schema = message('autoscaling.v2.HorizontalPodAutoscaler');
    fc.assert(
      fc.property(structOf(schema), (value) => {
        const object = pruneAndCheck<v2.HorizontalPodAutoscaler>(value, schema).object;
        // What v1 cannot say of targets is lost once, and nothing after that.
        const once = autoscalerToV2(autoscalerFromV2(object));
        expect(autoscalerToV2(autoscalerFromV2(once))).toEqual(once);
      }),
      { numRuns: 200 },
    );
  });
});

describe('an autoscaler of v1 as it is stored', () => {
  it('wants 80 % of the processor when it says nothing', () => {
    expect(autoscalerToV2(first({})).spec?.metrics).toEqual([cpu(80)]);
    expect(autoscalerToV2(first({}, { targetCPUUtilizationPercentage: 30 })).spec?.metrics).toEqual([
      cpu(30),
    ]);
  });

  it('takes metrics and behavior from annotations, and these away', () => {
    const stored = autoscalerToV2(
      first({
        mine: 'yes',
        [`${PREFIX}/metrics`]: '[{"type":"External","external":{"metricName":"q","targetValue":"1000m"}}]',
        [`${PREFIX}/behavior`]: '{"ScaleDown":{"SelectPolicy":"Min","Tolerance":null,"Policies":null}}',
      }),
    );
    expect(stored.metadata.annotations).toEqual({ mine: 'yes' });
    expect(stored.spec?.metrics).toEqual([
      { type: 'External', external: { metric: { name: 'q' }, target: { type: 'Value', value: '1' } } },
    ]);
    expect(stored.spec?.behavior).toEqual({ scaleDown: { selectPolicy: 'Min' } });
  });

  it.each(['', '{', '7', '[7]', '[{"type":7}]', '{"ScaleUp":7}', 'null', '[]'])(
    'takes no notice of annotations that say %j',
    (text) => {
      const stored = autoscalerToV2(
        first({
          [`${PREFIX}/metrics`]: text,
          [`${PREFIX}/behavior`]: text,
          [`${PREFIX}/current-metrics`]: text,
          [`${PREFIX}/conditions`]: text,
        }),
      );
      expect(stored.spec).toEqual({ scaleTargetRef, maxReplicas: 3, metrics: [cpu(80)] });
      expect(stored.status).toEqual({ desiredReplicas: 0, currentMetrics: null });
      expect(stored.metadata.annotations).toBeUndefined();
    },
  );
});
