import type { core, discovery } from '#api';
import { Resources } from '#client';
import { expect, print, show, step, styled } from './console.js';
import { eventually, inNode, kubectl, readyPods, type Session, until } from './session.js';

/** Registration: the Service, its record, its endpoints, and the rule they became. */
export async function registrationSteps(session: Session): Promise<void> {
  await step(
    'registration: the Service',
    'The API server validated the YAML and allocated a ClusterIP that stays for the life of the Service.',
    async () => {
      const service = await hello(session);
      if (session.kubectl === undefined)
        show(`hello   ${service.spec?.type}   ${service.spec?.clusterIP}   80/TCP`);
      else await kubectl(session, ['get', 'service', 'hello', '-o', 'wide']);
      expect(/^\d+\./.test(service.spec?.clusterIP ?? ''), 'the Service has no ClusterIP');
    },
  );
  await step(
    'registration: the record',
    'What is stored, under the key that kube-apiserver uses in etcd; the version is the store’s revision.',
    async () => {
      const service = await hello(session);
      const { name, namespace, resourceVersion, uid } = service.metadata;
      show(`/registry/services/specs/${namespace}/${name}   revision ${resourceVersion}   uid ${uid}`);
      show(JSON.stringify({ spec: service.spec }, null, 2));
    },
  );
  await step(
    'registration: the endpoints',
    'The controllers matched the selector against Pods and keep Endpoints and EndpointSlices.',
    async () => {
      const addresses = await until(
        '3 ready endpoints',
        [session.informers.informer(Resources.endpointSlices) as never],
        () => readyAddresses(session),
      );
      if (session.kubectl === undefined) show(addresses.join('\n'));
      else {
        await kubectl(session, ['get', 'endpoints', 'hello']);
        await kubectl(session, ['get', 'endpointslices', '-l', 'kubernetes.io/service-name=hello']);
      }
      const pods = readyPods(session, 'hello').map((p) => p.status?.podIP);
      expect(
        addresses.every((a) => pods.includes(a)),
        `endpoints ${addresses} are not the Pods ${pods}`,
      );
    },
  );
  await step(
    'registration: the rule',
    'The proxy on every node turned them into nftables map elements: address, protocol, port and a number chosen per connection.',
    async () => {
      const ip = (await hello(session)).spec!.clusterIP!;
      // Endpoints are in the API a few milliseconds before the last node has them in its kernel.
      const ruleset = await eventually(`rules that lead ${ip} to the Pods`, async () => {
        const table = await inNode(session, 'node-1', ['nft', 'list', 'table', 'ip', 'kubesvc-proxy']);
        const reached = readyPods(session, 'hello').filter((p) => table.includes(`${p.status!.podIP} . `));
        return reached.length === 3 && elementsWith(table, ip).length > 0 ? table : undefined;
      });
      print(
        `   ${styled('cyan', '$ kubesvc shell node-1 -- nft list table ip kubesvc-proxy')}   (the lines about this Service)`,
      );
      show(elementsWith(ruleset, ip).join('\n'));
    },
  );
}

export async function hello(session: Session): Promise<core.Service> {
  return session.client.resource(Resources.services).get('hello', 'default');
}

function readyAddresses(session: Session): string[] | undefined {
  const slices = session.informers
    .informer(Resources.endpointSlices)
    .inNamespace('default') as discovery.EndpointSlice[];
  const own = slices.filter((s) => s.metadata.labels?.['kubernetes.io/service-name'] === 'hello');
  const addresses = own.flatMap((s) =>
    (s.endpoints ?? []).filter((e) => e.conditions?.ready !== false).flatMap((e) => e.addresses),
  );
  return addresses.length === 3 ? addresses : undefined;
}

/** Elements of sets and maps that mention an address, one per line, with the map's name once. */
function elementsWith(ruleset: string, ip: string): string[] {
  const out: string[] = [];
  let container = '';
  for (const line of ruleset.split('\n')) {
    const head = /^\s*(map|set|chain) (\S+) \{/.exec(line);
    if (head !== null) container = `${head[1]} ${head[2]}`;
    for (const element of line.replace(/^\s*elements = \{/, '').split(',')) {
      if (element.includes(`${ip} `)) out.push(`${container}: ${element.replace(/[{}]/g, '').trim()}`);
    }
  }
  return out;
}
