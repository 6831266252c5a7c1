import { describe, expect, it } from 'vitest';
import { create, deployment, edit, metadata, podSpec, template, update } from './testing/judge.js';

describe('workloads', () => {
  it('accept what they should', () => {
    expect(create('apps.v1.Deployment', deployment)).toEqual([]);
    expect(create('apps.v1.ReplicaSet', deployment)).toEqual([]);
    const set = { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } } };
    expect(
      create('apps.v1.DaemonSet', edit(deployment, { 'spec.updateStrategy': set.updateStrategy })),
    ).toEqual([]);
    const stateful = { 'spec.updateStrategy': { type: 'OnDelete' }, 'spec.podManagementPolicy': 'Parallel' };
    expect(create('apps.v1.StatefulSet', edit(deployment, stateful))).toEqual([]);
    const controller = edit(deployment, { 'spec.selector': { app: 'x' } });
    expect(create('core.v1.ReplicationController', controller)).toEqual([]);
    const job = edit(deployment, { 'spec.template.spec.restartPolicy': 'Never' });
    expect(create('batch.v1.Job', job)).toEqual([]);
    const cron = {
      metadata,
      spec: {
        schedule: '*/5 0-6 * jan mon',
        concurrencyPolicy: 'Allow',
        timeZone: 'Europe/Berlin',
        jobTemplate: {
          spec: { template: { ...template, spec: { ...podSpec, restartPolicy: 'OnFailure' } } },
        },
      },
    };
    expect(create('batch.v1.CronJob', cron)).toEqual([]);
  });

  it.each<[string, string, object, string]>([
    [
      'a selector that misses',
      'apps.v1.Deployment',
      { 'spec.selector.matchLabels': { app: 'y' } },
      'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
    ],
    [
      'an empty selector',
      'apps.v1.Deployment',
      { 'spec.selector': {} },
      'spec.selector: Invalid value: {}: empty selector is invalid for deployment',
    ],
    ['no selector', 'apps.v1.Deployment', { 'spec.selector': undefined }, 'spec.selector: Required value'],
    [
      'negative replicas',
      'apps.v1.Deployment',
      { 'spec.replicas': -1 },
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'a rollout that cannot move',
      'apps.v1.Deployment',
      { 'spec.strategy.rollingUpdate': { maxSurge: 0, maxUnavailable: 0 } },
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
    ],
    [
      'more than all',
      'apps.v1.Deployment',
      { 'spec.strategy.rollingUpdate.maxUnavailable': '101%' },
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ],
    [
      'rolling parameters on Recreate',
      'apps.v1.Deployment',
      { 'spec.strategy.type': 'Recreate' },
      "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ],
    [
      'a deadline within the ready time',
      'apps.v1.Deployment',
      { 'spec.progressDeadlineSeconds': 5, 'spec.minReadySeconds': 5 },
      'spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds',
    ],
    [
      'pods that end',
      'apps.v1.Deployment',
      { 'spec.template.spec.restartPolicy': 'Never' },
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
    [
      'a bad template',
      'apps.v1.ReplicaSet',
      { 'spec.template.spec.containers': [] },
      'spec.template.spec.containers: Required value',
    ],
    [
      'pods that never end',
      'batch.v1.Job',
      {},
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
    [
      'indexes without a count',
      'batch.v1.Job',
      { 'spec.completionMode': 'Indexed' },
      'spec.completions: Required value: when completion mode is Indexed',
    ],
    ['no schedule', 'batch.v1.CronJob', {}, 'spec.schedule: Required value'],
    [
      'a bad schedule',
      'batch.v1.CronJob',
      { 'spec.schedule': '* * *' },
      'spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]',
    ],
    [
      'minute 60',
      'batch.v1.CronJob',
      { 'spec.schedule': '60 * * * *' },
      'spec.schedule: Invalid value: "60 * * * *": end of range (60) above maximum (59): 60',
    ],
    [
      'a long name',
      'batch.v1.CronJob',
      { 'metadata.name': 'x'.repeat(53) },
      'must be no more than 52 characters',
    ],
  ])('refuse %s', (_, message, changes, expected) => {
    expect(create(message, edit(deployment, changes as Record<string, unknown>)).join('\n')).toContain(
      expected,
    );
  });

  it.each<[string, string, object, object, string]>([
    [
      'another selector',
      'apps.v1.Deployment',
      {},
      {
        'spec.selector.matchLabels': { app: 'x', b: 'c' },
        'spec.template.metadata.labels': { app: 'x', b: 'c' },
      },
      'spec.selector: Invalid value: {"matchLabels":{"app":"x","b":"c"}}: field is immutable',
    ],
    [
      'another service name',
      'apps.v1.StatefulSet',
      {},
      { 'spec.serviceName': 'x' },
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ],
    [
      'another template of a job',
      'batch.v1.Job',
      {},
      { 'spec.template.spec.hostname': 'x' },
      ': field is immutable',
    ],
  ])('refuse the change to %s', (_, message, before, after, expected) => {
    const old = edit(deployment, before as Record<string, unknown>);
    expect(update(message, edit(deployment, after as Record<string, unknown>), old).join('\n')).toContain(
      expected,
    );
  });

  it('judge status by itself', () => {
    const status = edit(deployment, { 'spec.replicas': -1, 'status.replicas': 1, 'status.readyReplicas': 2 });
    expect(update('apps.v1.Deployment', status, deployment, 'status')).toEqual([
      'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
    ]);
  });
});
