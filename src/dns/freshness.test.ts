import { createSocket } from 'node:dgram';
import packet from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { Errors } from '#api';
import { createMetrics, silentLogger } from '#base';
import { type Client, createInformerFactory, type WatchOptions } from '#client';
import { FakeClient } from '#client/testing';
import { createDnsServer, type DnsServer } from './index.js';
import { waitUntilUnlisted } from './server/drain.js';
import { namespace, question, Resources, service, slice } from './testing/lab.js';
import { InformerSources } from './zone/informer-sources.js';

const PORT = 20_073;
const NAME = 'web.default.svc.cluster.local';

/** Sends one datagram to the server and waits for the reply. */
async function exchange(message: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('message', resolve);
      socket.send(message, PORT, '127.0.0.1');
    });
  } finally {
    socket.close();
  }
}
const ask = async (name: string) => {
  const reply = packet.decode(await exchange(question(name, 'A'))) as packet.DecodedPacket & {
    rcode: string;
  };
  return [reply.rcode, ...(reply.answers ?? []).map((a) => (a as { data: unknown }).data)];
};

/** A client whose API server can go away and come back. */
class Unreliable {
  readonly fake = new FakeClient();
  #cut = new AbortController();
  #missed = false;
  away = false;

  get client(): Client {
    const resource = (r: never) => {
      const inner = this.fake.resource(r);
      return Object.assign(Object.create(inner), { watch: (o: WatchOptions) => this.#watch(inner, o) });
    };
    return { resource, close() {} } as unknown as Client;
  }

  async *#watch(inner: ReturnType<FakeClient['resource']>, options: WatchOptions) {
    if (this.away) throw new Error('connection refused');
    // What happened meanwhile is no longer known: everything is listed again.
    if (this.#missed && options.sendInitialEvents !== true) throw Errors.expired('too old resource version');
    const signal = AbortSignal.any([options.signal, this.#cut.signal]);
    yield* inner.watch({ ...options, signal });
    if (this.#cut.signal.aborted) throw new Error('connection reset');
  }

  leave(): void {
    this.away = true;
    this.#missed = true;
    this.#cut.abort();
  }

  comeBack(): void {
    this.#cut = new AbortController();
    this.away = false;
  }
}

describe('a server whose API server goes away', () => {
  let server: DnsServer | undefined;
  afterEach(() => server?.stop());

  it('serves the last state, says how old it is, and catches up afterwards', async () => {
    const api = new Unreliable();
    api.fake.seed(Resources.namespaces, namespace('default'));
    api.fake.seed(Resources.services, service('default/web', ['10.0.0.1']));
    const metrics = createMetrics();
    const informers = createInformerFactory(api.client, { logger: silentLogger });
    const corefile = `.:${PORT} {\n bind 127.0.0.1\n kubernetes cluster.local\n}\n`;
    server = createDnsServer({ corefile }, { informers, logger: silentLogger, metrics });
    await server.start();
    const staleness = async () =>
      Number(/^kubesvc_dns_staleness_seconds (\S+)$/m.exec((await metrics.scrape()).body)?.[1]);
    expect(await ask(NAME)).toEqual(['NOERROR', '10.0.0.1']);

    api.leave();
    api.fake.seed(Resources.services, service('default/web', ['10.0.0.2']));
    await expect.poll(staleness).toBeGreaterThan(0.3);
    expect(await ask(NAME)).toEqual(['NOERROR', '10.0.0.1']);
    expect(await ask(`no-${NAME}`)).toEqual(['NXDOMAIN']);

    api.comeBack();
    await expect.poll(() => ask(NAME), { timeout: 10_000 }).toEqual(['NOERROR', '10.0.0.2']);
    expect(await staleness()).toBeLessThan(5);
  });

  it('reads 512 bytes of a datagram: garbage behind the question is ignored, a cut record is FORMERR', async () => {
    const client = new FakeClient();
    client.seed(Resources.namespaces, namespace('default'));
    client.seed(Resources.services, service('default/web', ['10.0.0.1']));
    const informers = createInformerFactory(client, { logger: silentLogger });
    const corefile = `.:${PORT} {\n bind 127.0.0.1\n kubernetes cluster.local\n}\n`;
    server = createDnsServer({ corefile }, { informers, logger: silentLogger, metrics: createMetrics() });
    await server.start();
    const query = question(NAME, 'A');
    for (let i = 0; i < 2; i++)
      expect(packet.decode(await exchange(Buffer.concat([query, Buffer.alloc(600)]))).answers).toHaveLength(
        1,
      );
    const padded = Buffer.concat([
      query,
      Buffer.from([0, 0, 41, 4, 208, 0, 0, 0, 0, 2, 92, 0, 12, 2, 88]),
      Buffer.alloc(600),
    ]);
    padded[11] = 1;
    const refused = await exchange(padded);
    expect([refused.length, refused[3]! & 15]).toEqual([12, 1]);
  });
});

describe('a server that stops', () => {
  it('goes on until none of its addresses is a ready endpoint of a DNS Service', async () => {
    const client = new FakeClient();
    const dns = [{ name: 'dns', port: 53, protocol: 'UDP' }];
    const listed = (ready: boolean) =>
      client.seed(
        Resources.endpointSlices,
        slice('kube-system/kube-dns', [{ addresses: ['10.240.0.1'], conditions: { ready } }], { ports: dns }),
        slice('default/web', [{ addresses: ['10.240.0.1'] }]),
      );
    listed(true);
    const factory = createInformerFactory(client, { logger: silentLogger });
    const sources = new InformerSources(factory);
    sources.slices();
    factory.start();
    await factory.synced();
    let done = false;
    const waiting = waitUntilUnlisted([sources], ['10.240.0.1'], 1).then(() => {
      done = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(done).toBe(false);
    listed(false);
    await waiting;
    await waitUntilUnlisted([sources], ['10.240.0.2'], 1);
    factory.stop();
  });
});
