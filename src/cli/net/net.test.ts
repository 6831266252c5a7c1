import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#base';
import { createApiRelay } from './api-relay.js';
import { createConnectDialer } from './connect-dialer.js';
import { createConnectProxy } from './connect-proxy.js';
import { DatagramFramer } from './datagram-framer.js';

describe('the CONNECT proxy and its dialer', () => {
  let directory: string;
  let path: string;
  let proxy: ReturnType<typeof createConnectProxy>;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'kubesvc-net-'));
    path = join(directory, 's');
    proxy = createConnectProxy({ socketPath: path, logger: silentLogger });
    await proxy.start();
  });
  afterEach(async () => {
    await proxy.stop();
    rmSync(directory, { recursive: true });
  });

  it('is reachable only by its owner', () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('carries a stream both ways with half-close', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk;
      });
      socket.on('end', () => socket.end(received.toUpperCase()));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const socket = await createConnectDialer(() => [join(directory, 'missing'), path]).dial(
      '127.0.0.1',
      (server.address() as AddressInfo).port,
    );
    socket.end('hello');
    expect(await text(socket)).toBe('HELLO');
    server.close();
  });

  it('reports why the target cannot be reached', async () => {
    await expect(createConnectDialer(() => [path]).dial('127.0.0.1', 1)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('carries datagrams', async () => {
    const server = createSocket('udp4', (message, from) =>
      server.send(`re:${message}`, from.port, from.address),
    );
    await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
    const tunnel = await createConnectDialer(() => [path]).dialUdp('127.0.0.1', server.address().port);
    const answer = new Promise<string>((resolve) => {
      const framer = new DatagramFramer((d) => resolve(d.toString()));
      tunnel.on('data', (chunk: Buffer) => framer.push(chunk));
    });
    tunnel.write(DatagramFramer.frame(Buffer.from('ping')));
    expect(await answer).toBe('re:ping');
    tunnel.destroy();
    server.close();
  });

  it('relays a TCP port to a unix socket', async () => {
    const api = createServer((socket) => socket.end('api'));
    const apiPath = join(directory, 'api');
    await new Promise<void>((resolve) => api.listen(apiPath, resolve));
    const probe = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => probe.once('listening', resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const relay = createApiRelay({ host: '127.0.0.1', port, socketPath: apiPath });
    await relay.start();
    const socket = await createConnectDialer(() => [path]).dial('127.0.0.1', port);
    expect(await text(socket)).toBe('api');
    await relay.stop();
    api.close();
  });
});

describe('datagram framing', () => {
  it('restores the datagrams however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 })),
        fc.integer({ min: 1, max: 50 }),
        (datagrams, cut) => {
          const out: Buffer[] = [];
          const framer = new DatagramFramer((d) => out.push(Buffer.from(d)));
          const stream = Buffer.concat(datagrams.map((d) => DatagramFramer.frame(Buffer.from(d))));
          for (let i = 0; i < stream.length; i += cut) framer.push(stream.subarray(i, i + cut));
          expect(out.map((b) => b.toString('hex'))).toEqual(
            datagrams.map((d) => Buffer.from(d).toString('hex')),
          );
        },
      ),
    );
  });
});
