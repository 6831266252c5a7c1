import { createSocket } from 'node:dgram';
import packet from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { createMetrics, silentLogger } from '#base';
import { createInformerFactory, Resources } from '#client';
import { FakeClient } from '#client/testing';
import { createDnsServer, type DnsServer } from './index.js';

const PORT = 20_063;
const corefile = (ttl: number) =>
  `.:${PORT} {\n health :8080\n kubernetes cluster.local {\n ttl ${ttl}\n }\n}\n`;
const map = (text: string) => ({
  metadata: { name: 'coredns', namespace: 'kube-system' },
  data: { Corefile: text },
});

/** The TTL that the server answers with now. */
async function ttl(): Promise<number> {
  const socket = createSocket('udp4');
  try {
    return await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('a query was lost')), 5_000);
      socket.once('message', (message) => {
        clearTimeout(timer);
        resolve((packet.decode(message).answers![0] as { ttl: number }).ttl);
      });
      const questions = [{ type: 'A' as const, name: 'web.default.svc.cluster.local' }];
      socket.send(packet.encode({ type: 'query', id: 1, questions }), PORT, '127.0.0.1');
    });
  } finally {
    socket.close();
  }
}

describe('a server whose Corefile is a ConfigMap', () => {
  const client = new FakeClient();
  let server: DnsServer;
  afterEach(() => server.stop());

  it('follows it without losing a query, keeps what works, and goes back to its own without it', async () => {
    client.seed(Resources.namespaces, { metadata: { name: 'default' } });
    client.seed(Resources.services, {
      metadata: { name: 'web', namespace: 'default' },
      spec: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], ports: [{ port: 80 }] },
    });
    client.seed(Resources.configMaps, map(corefile(11)));
    const metrics = createMetrics();
    server = createDnsServer(
      {
        corefile: corefile(7),
        configMap: { namespace: 'kube-system', name: 'coredns', key: 'Corefile' },
        placement: {
          bind: ['127.0.0.1'],
          health: `127.0.0.1:${PORT + 1}`,
          ready: '127.0.0.1:0',
          prometheus: '127.0.0.1:0',
        },
      },
      { informers: createInformerFactory(client, { logger: silentLogger }), logger: silentLogger, metrics },
    );
    await server.start();
    await expect.poll(ttl).toBe(11);
    expect(await (await fetch(`http://127.0.0.1:${PORT + 1}/health`)).text()).toBe('OK');

    const seen: number[] = [];
    let streaming = true;
    const stream = (async () => {
      while (streaming) seen.push(await ttl());
    })();
    await expect.poll(() => seen.at(-1), { interval: 5 }).toBe(11);
    for (const next of [12, 13, 14, 15]) {
      client.seed(Resources.configMaps, map(corefile(next)));
      await expect.poll(() => seen.at(-1), { interval: 5 }).toBe(next);
    }
    client.seed(Resources.configMaps, map(`.:${PORT} {\n nonsense\n}`));
    await expect.poll(async () => (await metrics.scrape()).body).toMatch(/^coredns_reload_failed_total 1$/m);
    expect(await ttl()).toBe(15);
    client.remove(Resources.configMaps, 'coredns', 'kube-system');
    await expect.poll(() => seen.at(-1), { interval: 5 }).toBe(7);
    streaming = false;
    await stream;
    expect([...new Set(seen)]).toEqual([11, 12, 13, 14, 15, 7]);
  });
});
