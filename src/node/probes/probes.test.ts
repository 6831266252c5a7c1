import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { core } from '#api';
import { FakeClock } from '#base';
import { grpcProbe } from './grpc-probe.js';
import { failure, type ProbeResult, success } from './probe-result.js';
import { Prober, type ProberOptions } from './prober.js';
import { resolvePort, runProbe } from './run-probe.js';

const servers: (Server | http2.Http2Server)[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
async function listen<S extends Server | http2.Http2Server>(server: S): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
const never = new AbortController().signal;
const container: core.Container = { name: 'c', ports: [{ name: 'web', containerPort: 8080 }] };
const target = { container, podIP: '127.0.0.1', exec: () => Promise.reject(new Error('no exec')) };

describe('http probe', () => {
  const serve = (answer: http.RequestListener) => listen(http.createServer(answer));
  const probe = (port: number, over: Partial<core.HTTPGetAction> = {}, timeoutSeconds = 5) =>
    runProbe({ httpGet: { port, ...over }, timeoutSeconds }, target, never);

  it.each([
    [200, 'success'],
    [204, 'success'],
    [304, 'success'],
    [399, 'success'],
    [400, 'failure'],
    [500, 'failure'],
    [199, 'failure'],
  ])('takes status %d for %s', async (status, outcome) => {
    const port = await serve((_, response) => {
      if (status === 199) response.socket?.end('HTTP/1.1 600 x\r\n\r\n');
      else response.writeHead(status).end();
    });
    expect((await probe(port)).outcome).toBe(outcome);
  });

  it('says which status it got', async () => {
    const port = await serve((_, response) => void response.writeHead(503).end());
    expect((await probe(port)).message).toBe('HTTP probe failed with statuscode: 503');
  });

  it('sends its headers, and takes Host and User-Agent from the probe', async () => {
    let seen: http.IncomingHttpHeaders = {};
    const port = await serve((request, response) => {
      seen = request.headers;
      response.end();
    });
    await probe(port);
    expect(seen).toMatchObject({ 'user-agent': 'kube-probe/1.36', accept: '*/*', connection: 'close' });
    await probe(port, {
      httpHeaders: [
        { name: 'Host', value: 'example.com' },
        { name: 'user-agent', value: 'me' },
        { name: 'Accept', value: '' },
      ],
    });
    expect(seen).toMatchObject({ host: 'example.com', 'user-agent': 'me' });
    expect(seen['accept']).toBeUndefined();
  });

  it('follows redirects to the same host, and is content with those to another', async () => {
    const port = await serve((request, response) => {
      const location =
        request.url === '/a' ? '/b' : request.url === '/out' ? 'http://example.com/' : undefined;
      if (location !== undefined) response.writeHead(302, { location }).end();
      else response.writeHead(request.url === '/b' ? 500 : 200).end();
    });
    expect((await probe(port, { path: '/a' })).outcome).toBe('failure');
    expect((await probe(port, { path: '/out' })).outcome).toBe('success');
  });

  it("gives up after its timeout, in Go's words", async () => {
    const port = await serve(() => {});
    const result = await probe(port, {}, 0.02);
    expect(result).toMatchObject({
      outcome: 'failure',
      message: expect.stringContaining('Client.Timeout exceeded'),
    });
  });

  it("says that nobody listens, in Go's words", async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    expect((await probe(port)).message).toBe(
      `Get "http://127.0.0.1:${port}/": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    );
  });
});

describe('tcp probe', () => {
  it('succeeds when the connection is accepted and fails when not', async () => {
    const server = createServer();
    const port = await listen(server);
    expect((await runProbe({ tcpSocket: { port } }, target, never)).outcome).toBe('success');
    await new Promise((resolve) => server.close(resolve));
    expect((await runProbe({ tcpSocket: { port } }, target, never)).message).toContain('connection refused');
  });
});

describe('grpc probe', () => {
  async function serve(status: number, grpcStatus = '0'): Promise<{ port: number; requests: Buffer[] }> {
    const requests: Buffer[] = [];
    const server = http2.createServer();
    server.on('stream', (stream) => {
      stream.on('data', (chunk: Buffer) => requests.push(chunk));
      stream.on('end', () => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': grpcStatus }));
        stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
      });
    });
    return { port: await listen(server), requests };
  }
  it('asks for the service and succeeds when it is serving', async () => {
    const { port, requests } = await serve(1);
    expect((await grpcProbe('127.0.0.1', port, 'db', never)).outcome).toBe('success');
    expect(Buffer.concat(requests)).toEqual(Buffer.from([0, 0, 0, 0, 4, 0x0a, 2, 0x64, 0x62]));
  });
  it('fails when the service is not serving or has no health protocol', async () => {
    const sick = await serve(2);
    expect((await grpcProbe('127.0.0.1', sick.port, '', never)).message).toContain('NOT_SERVING');
    const none = await serve(1, '12');
    expect((await grpcProbe('127.0.0.1', none.port, '', never)).message).toContain('does not implement');
  });
});

it('ports are numbers, names of the container, or numbers in text', () => {
  expect(['web', 80, '81', 'none', '0'].map((port) => resolvePort(port, container))).toEqual([
    8080,
    80,
    81,
    undefined,
    undefined,
  ]);
});

describe('prober', () => {
  function prober(kind: ProberOptions['kind'], probe: core.Probe, results: ProbeResult[]) {
    const clock = new FakeClock();
    const verdicts: boolean[] = [];
    const failures: string[] = [];
    let tries = 0;
    const made = new Prober({
      kind,
      probe,
      clock,
      run: async () => {
        tries++;
        return results.shift() ?? success();
      },
      onVerdict: (healthy) => verdicts.push(healthy),
      onFailure: (message) => failures.push(message),
    });
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    return { made, clock, verdicts, failures, tries: () => tries, settle };
  }

  it('waits for the initial delay, then for every period', async () => {
    const { made, clock, tries, settle } = prober(
      'liveness',
      { initialDelaySeconds: 5, periodSeconds: 10 },
      [],
    );
    made.start();
    clock.advance(4_999);
    expect(tries()).toBe(0);
    clock.advance(1);
    await settle();
    expect(tries()).toBe(1);
    clock.advance(10_000);
    expect(tries()).toBe(2);
    made.stop();
    expect(clock.pending).toBe(0);
  });

  it('turns only at its thresholds', async () => {
    const bad = failure('bad');
    const { made, clock, verdicts, failures, settle } = prober(
      'readiness',
      { periodSeconds: 1, failureThreshold: 2, successThreshold: 2 },
      [success(), success(), bad, success(), bad, bad, success(), success()],
    );
    made.start();
    await settle();
    for (let i = 0; i < 7; i++) {
      clock.advance(1_000);
      await settle();
    }
    expect(verdicts).toEqual([true, false, true]);
    expect(failures).toEqual(['bad', 'bad', 'bad']);
    made.stop();
  });

  it('tries early in between until the first success, without counting those failures', async () => {
    const bad = failure('not yet');
    const { made, clock, verdicts, failures, tries, settle } = prober('readiness', { periodSeconds: 10 }, [
      bad,
      bad,
      bad,
      success(),
    ]);
    made.start();
    await settle();
    for (const ms of [20, 40, 80]) {
      clock.advance(ms);
      await settle();
    }
    expect(verdicts).toEqual([true]);
    expect(failures).toEqual([]);
    clock.advance(5_000);
    await settle();
    expect(tries()).toBe(4);
    made.stop();
  });

  it('does not hurry a liveness probe', async () => {
    const { made, clock, tries, settle } = prober('liveness', { periodSeconds: 10 }, [failure('x')]);
    made.start();
    await settle();
    clock.advance(1_000);
    await settle();
    clock.advance(9_999);
    await settle();
    expect(tries()).toBe(1);
    made.stop();
  });

  it('changes nothing when a try could not be made', async () => {
    const { made, verdicts, failures, settle } = prober('liveness', { failureThreshold: 1 }, [
      { outcome: 'unknown', message: '' },
    ]);
    made.start();
    await settle();
    expect([verdicts, failures]).toEqual([[], []]);
    made.stop();
  });

  it('says nothing after it was stopped', async () => {
    let finish: (result: ProbeResult) => void = () => {};
    const onVerdict = vi.fn();
    const made = new Prober({
      kind: 'readiness',
      probe: {},
      clock: new FakeClock(),
      run: () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
      onVerdict,
      onFailure: () => {},
    });
    made.start();
    made.stop();
    finish(success());
    await new Promise((resolve) => setImmediate(resolve));
    expect(onVerdict).not.toHaveBeenCalled();
  });
});
