import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMetrics, silentLogger } from '#base';
import { createInformerFactory } from '#client';
import { FakeClient } from '#client/testing';
import { createDnsServer, type DnsServer } from '#dns';
import { inNamespaces } from '../kernel/node-namespace.js';

const run = promisify(execFile);
const ip = (...args: string[]) => run('ip', args);

inNamespaces(import.meta.url, 'root', () => {
  describe('a DNS server on all addresses', () => {
    let server: DnsServer | undefined;
    beforeAll(async () => {
      await ip('link', 'set', 'lo', 'up');
      await ip('addr', 'add', '192.0.2.1/24', 'dev', 'lo');
      await ip('addr', 'add', '192.0.2.2/24', 'dev', 'lo');
      await ip('addr', 'add', 'fd00::1/64', 'dev', 'lo', 'nodad');
      server = createDnsServer(
        { corefile: '.:53 {\n kubernetes cluster.local\n}\n' },
        {
          informers: createInformerFactory(new FakeClient(), { logger: silentLogger }),
          logger: silentLogger,
          metrics: createMetrics(),
        },
      );
      await server.start();
    });
    afterAll(() => server?.stop());

    /** dig takes a reply only from the address that it asked. */
    const ask = async (address: string, ...how: string[]) => {
      const args = [`@${address}`, '+short', '+time=1', '+tries=1', ...how];
      const { stdout } = await run('dig', [...args, 'dns-version.cluster.local', 'TXT']).catch((e) => e);
      return stdout.trim();
    };

    it.each(['192.0.2.1', '192.0.2.2', '127.0.0.1', 'fd00::1', '::1'])(
      'answers from %s when that is asked, over UDP and TCP',
      async (address) => {
        expect(await ask(address)).toBe('"1.1.0"');
        expect(await ask(address, '+tcp')).toBe('"1.1.0"');
      },
    );

    it('answers from an address that appears later, and goes on when one goes', async () => {
      await ip('addr', 'add', '192.0.2.77/24', 'dev', 'lo');
      await ip('addr', 'del', '192.0.2.2/24', 'dev', 'lo');
      await expect.poll(() => ask('192.0.2.77'), { timeout: 15_000, interval: 200 }).toBe('"1.1.0"');
      expect(await ask('192.0.2.1')).toBe('"1.1.0"');
      await ip('addr', 'add', '192.0.2.2/24', 'dev', 'lo');
      await expect.poll(() => ask('192.0.2.2'), { timeout: 15_000, interval: 200 }).toBe('"1.1.0"');
    });
  });
});
