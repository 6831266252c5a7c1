import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '#api';
import { createMetrics, type Logger, silentLogger } from '#base';
import { type Client, createInformerFactory, type InformerFactory } from '#client';
import { createDnsServer } from '../index.js';
import { createLab, namespace, Resources, service } from '../testing/lab.js';

const HTTP = 20_083;
const NAME = 'web.default.svc.cluster.local';

/** An API server with one namespace and one Service, over plain HTTP. */
async function api(objects: Record<string, KubeObject[]>): Promise<Server> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const items = objects[url.pathname.split('/').at(-1)!] ?? [];
    const bookmark = {
      metadata: { resourceVersion: '9', annotations: { 'k8s.io/initial-events-end': 'true' } },
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    for (const object of items) response.write(`${JSON.stringify({ type: 'ADDED', object })}\n`);
    response.write(`${JSON.stringify({ type: 'BOOKMARK', object: bookmark })}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

describe('the kubernetes plugin', () => {
  const stops: (() => unknown)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  it('answers only for Services with its labels', async () => {
    const labelled = (name: string, env: string) => {
      const made = service(`default/${name}`, [`10.0.0.${name.length}`]);
      made.metadata.labels = { env };
      return made;
    };
    const lab = await createLab('.:53 {\n kubernetes cluster.local {\n labels env=prod\n }\n}\n', (c) => {
      c.seed(Resources.namespaces, namespace('default'));
      c.seed(Resources.services, labelled('web', 'prod'), labelled('debug', 'dev'));
    });
    stops.push(() => lab.stop());
    expect(await lab.answers(NAME, 'A')).toEqual(['A 10.0.0.3']);
    expect((await lab.ask('debug.default.svc.cluster.local', 'A')).rcode).toBe('NXDOMAIN');
    lab.client.seed(Resources.services, labelled('web', 'dev'));
    await expect.poll(async () => (await lab.ask(NAME, 'A')).rcode).toBe('NXDOMAIN');
  });

  it.each(['kubeconfig', 'endpoint'])(
    'serves the cluster that its %s names, and counts the requests to it',
    async (option) => {
      const upstream = await api({
        namespaces: [namespace('default')],
        services: [service('default/web', ['10.9.9.9'])],
      });
      stops.push(
        () => upstream.closeAllConnections(),
        () => upstream.close(),
      );
      const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
      const directory = mkdtempSync(join(tmpdir(), 'kubesvc-dns-'));
      stops.push(() => rmSync(directory, { recursive: true, force: true }));
      const path = join(directory, 'config');
      const contexts = [{ name: 'other', context: { cluster: 'c' } }];
      writeFileSync(path, JSON.stringify({ clusters: [{ name: 'c', cluster: { server: url } }], contexts }));
      const line = option === 'kubeconfig' ? `kubeconfig ${path} other` : `endpoint ${url}`;
      const metrics = createMetrics();
      const server = createDnsServer(
        {
          corefile: `.:${HTTP} {\n bind 127.0.0.1\n kubernetes cluster.local {\n ${line}\n apiserver_qps 50\n }\n prometheus 127.0.0.1:${HTTP + 1}\n}\n`,
          version: '1.2.3',
        },
        {
          get informers(): InformerFactory {
            throw new Error('the own cluster is not needed');
          },
          logger: silentLogger,
          metrics,
        },
      );
      await server.start();
      stops.push(() => server.stop());
      const { Resolver } = await import('node:dns/promises');
      const resolver = new Resolver();
      resolver.setServers([`127.0.0.1:${HTTP}`]);
      expect(await resolver.resolve4(NAME)).toEqual(['10.9.9.9']);
      const text = await (await fetch(`http://127.0.0.1:${HTTP + 1}/metrics`)).text();
      expect(text).toMatch(
        /^coredns_kubernetes_rest_client_requests_total\{code="200",method="GET",host="127\.0\.0\.1:\d+"\} 3$/m,
      );
      expect(text).toMatch(
        /^coredns_kubernetes_rest_client_request_duration_seconds_count\{verb="GET",host=/m,
      );
      expect(text).toMatch(/^coredns_build_info\{version="1\.2\.3",revision="",goversion="node /m);
    },
  );

  it('serves unsynced after startup_timeout, and says so', async () => {
    const never = {
      resource: () => ({
        async *watch({ signal }: { signal: AbortSignal }) {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        },
      }),
      close() {},
    } as unknown as Client;
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (text) => void warnings.push(text) };
    const informers = createInformerFactory(never, { logger: silentLogger });
    const corefile = `.:${HTTP} {\n bind 127.0.0.1\n ready 127.0.0.1:${HTTP + 1}\n kubernetes cluster.local {\n startup_timeout 50ms\n }\n}\n`;
    const server = createDnsServer({ corefile }, { informers, logger, metrics: createMetrics() });
    await server.start();
    stops.push(() => server.stop());
    expect(warnings.join()).toContain('unknown names are SERVFAIL');
    const ready = await fetch(`http://127.0.0.1:${HTTP + 1}/ready`);
    expect([ready.status, await ready.text()]).toEqual([503, 'kubernetes']);
    const { Resolver } = await import('node:dns/promises');
    const resolver = new Resolver({ tries: 1 });
    resolver.setServers([`127.0.0.1:${HTTP}`]);
    await expect(resolver.resolve4(NAME)).rejects.toMatchObject({ code: 'ESERVFAIL' });
    expect(await resolver.resolveTxt('dns-version.cluster.local')).toEqual([['1.1.0']]);
  });
});

describe('errors and log', () => {
  it('say failures once in a while when they are consolidated, and queries of the classes asked for', async () => {
    const lines: string[] = [];
    const note = (text: string) => void lines.push(text);
    const logger: Logger = { ...silentLogger, info: note, warn: note, error: note };
    const corefile = `.:53 {
      errors {
        consolidate 10s "no healthy proxies|ECONNREFUSED" warning
      }
      log . "{name} {rcode}" {
        class denial error
      }
      kubernetes cluster.local
      forward . 127.0.0.1:9
    }`;
    const lab = await createLab(corefile, (c) => c.seed(Resources.namespaces, namespace('default')), {
      logger,
    });
    stops.push(() => lab.stop());
    for (let i = 0; i < 3; i++) await lab.ask('x.test', 'A', { waitMs: 6_000 });
    await lab.ask('none.default.svc.cluster.local', 'A');
    await lab.ask('dns-version.cluster.local', 'TXT');
    expect(lines.filter((l) => l.includes('errors like'))).toEqual([]);
    // What was collected is said at the end of the time, or of the server.
    await lab.stop();
    expect(lines.find((l) => l.includes('errors like'))).toMatch(/^3 errors like .* occurred in last 10s$/);
    expect(lines.filter((l) => / (SERVFAIL|NXDOMAIN|NOERROR)$/.test(l))).toEqual([
      'x.test. SERVFAIL',
      'x.test. SERVFAIL',
      'x.test. SERVFAIL',
      'none.default.svc.cluster.local. NXDOMAIN',
    ]);
  });
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
});
