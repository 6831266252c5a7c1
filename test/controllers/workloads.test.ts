import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type batch, type core, isNotFound, type StatusError } from '#api';
import { Resources } from '#client';
import { makeNamespace, startCluster, type TestCluster, until } from './cluster.js';

/** Controllers of kinds that the network does not need, against the real API server. */
describe('a whole control plane', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ controllers: { loadBalancerCidrs: ['192.0.2.0/28'] } });
  });
  afterAll(() => cluster?.close());

  const template = (app: string, spec: Partial<core.PodSpec> = {}): core.PodTemplateSpec => ({
    metadata: { labels: { app } },
    spec: { containers: [{ name: 'c', image: 'host' }], ...spec },
  });
  const podsOf = async (namespace: string) =>
    (await cluster.client.resource(Resources.pods).list({ namespace })).items;

  it('gives a load balancer an address, and takes it back when the Service is deleted', async () => {
    await makeNamespace(cluster.client, 'balanced');
    const services = cluster.client.resource(Resources.services);
    const spec = { type: 'LoadBalancer', selector: { app: 'x' }, ports: [{ port: 80 }] };
    await services.create({ metadata: { name: 'web', namespace: 'balanced' }, spec });
    const ingress = async () =>
      (await services.get('web', 'balanced')).status?.loadBalancer?.ingress?.map((each) => each.ip);
    await until(async () => (await ingress()) !== undefined);
    expect(await ingress()).toEqual(['192.0.2.1']);
    await services.delete('web', 'balanced');
    await until(() =>
      services.get('web', 'balanced').then(
        () => false,
        (error: unknown) => isNotFound(error),
      ),
    );
  });

  it('runs a Job to its end', async () => {
    await makeNamespace(cluster.client, 'jobs');
    const jobs = cluster.client.resource(Resources.jobs);
    await jobs.create({
      metadata: { name: 'work', namespace: 'jobs' },
      spec: { parallelism: 2, completions: 3, template: template('work', { restartPolicy: 'Never' }) },
    } as batch.Job);
    const pods = cluster.client.resource(Resources.pods);
    const finish = async ({ metadata }: core.Pod) => {
      const status = { phase: 'Succeeded' };
      await pods.patch(metadata.name!, 'jobs', 'strategic', { status }, { subresource: 'status' });
    };
    await until(async () => {
      for (const pod of await podsOf('jobs')) if (pod.status?.phase === 'Running') await finish(pod);
      return (await jobs.get('work', 'jobs')).status?.conditions?.some((c) => c.type === 'Complete') === true;
    });
    const { status } = await jobs.get('work', 'jobs');
    expect(status).toMatchObject({ succeeded: 3 });
    expect(status?.completionTime).toBeDefined();
    await jobs.delete('work', 'jobs', { propagationPolicy: 'Background' });
    await until(async () => (await podsOf('jobs')).length === 0);
  });

  it('runs the named Pods of a StatefulSet, and rolls them', async () => {
    await makeNamespace(cluster.client, 'named');
    const sets = cluster.client.resource(Resources.statefulSets);
    await sets.create({
      metadata: { name: 'db', namespace: 'named' },
      spec: {
        replicas: 2,
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: template('db'),
      },
    });
    const status = async () => (await sets.get('db', 'named')).status;
    await until(async () => (await status())?.availableReplicas === 2);
    expect((await podsOf('named')).map((pod) => pod.metadata.name).sort()).toEqual(['db-0', 'db-1']);
    await sets.patch('db', 'named', 'strategic', {
      spec: { template: { spec: { containers: [{ name: 'c', image: 'other' }] } } },
    });
    await until(async () => {
      const now = await status();
      const rolled = (await podsOf('named')).every((pod) => pod.spec?.containers[0]?.image === 'other');
      return rolled && now?.currentRevision === now?.updateRevision && now?.readyReplicas === 2;
    });
  });

  it('lets Pods be evicted as long as their budget allows it', async () => {
    await makeNamespace(cluster.client, 'budgeted');
    const selector = { matchLabels: { app: 'web' } };
    const metadata = { name: 'web', namespace: 'budgeted' };
    await cluster.client.resource(Resources.deployments).create({
      metadata,
      spec: { replicas: 2, selector, template: template('web') },
    });
    const budgets = cluster.client.resource(Resources.podDisruptionBudgets);
    await budgets.create({ metadata, spec: { minAvailable: 2, selector } });
    const allowed = async () => (await budgets.get('web', 'budgeted')).status?.disruptionsAllowed;
    await until(async () => (await budgets.get('web', 'budgeted')).status?.currentHealthy === 2);
    const evict = async () => {
      const [pod] = await podsOf('budgeted');
      const { name } = pod!.metadata;
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'budgeted' } };
      await cluster.client.resource(Resources.pods).createSubresource(name!, 'budgeted', 'eviction', body);
      return name;
    };
    const refused = await evict().catch((error: unknown) => error);
    expect((refused as StatusError).message).toContain("violate the pod's disruption budget");
    await budgets.patch('web', 'budgeted', 'merge', { spec: { minAvailable: 1 } });
    await until(async () => (await allowed()) === 1);
    const gone = await evict();
    await until(async () => !(await podsOf('budgeted')).some((pod) => pod.metadata.name === gone));
    await until(async () => (await allowed()) === 1);
  });
});
