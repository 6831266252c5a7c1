import { describe, expect, it } from 'vitest';
import { listen } from './healthz/http.js';
import { triggerTime } from './informers.js';
import { TestCluster } from './testing/cluster.js';
import { desiredOf } from './testing/flows.js';
import { makeService, makeSlice } from './testing/objects.js';

/** What a program in Node.js has to mind where one in Go has not. */
describe('the limits of the runtime', () => {
  it('let watches and health checks have their turn while everything is computed', async () => {
    const cluster = new TestCluster();
    for (let n = 0; n < 3000; n++) {
      const name = `s${n}`;
      cluster.add(
        makeService(name, `172.30.${n >> 8}.${n & 255}`),
        makeSlice(name, [{ ip: `10.1.${n >> 8}.${n & 255}` }]),
      );
    }
    // The test's own view looks through all slices for each Service, which would measure only itself.
    const slices = new Map(
      [...cluster.slicesByName.values()].map((slice) => [slice.metadata.name!.slice(0, -2), [slice]]),
    );
    cluster.slices = (key) => slices.get(key.slice('ns/'.length)) ?? [];
    let turns = 0;
    let isRunning = true;
    const turn = () => {
      turns++;
      if (isRunning) setImmediate(turn);
    };
    setImmediate(turn);
    await desiredOf(cluster);
    isRunning = false;
    expect(turns).toBeGreaterThan(0);
  });

  it('let a listener for all IPv6 addresses leave IPv4 to another one', async () => {
    const v6 = await listen((_, response) => void response.end('v6'), '::', 0);
    const v4 = await listen((_, response) => void response.end('v4'), '0.0.0.0', v6.port);
    try {
      expect(await (await fetch(`http://127.0.0.1:${v6.port}/`)).text()).toBe('v4');
      expect(await (await fetch(`http://[::1]:${v6.port}/`)).text()).toBe('v6');
    } finally {
      await v4.close();
      await v6.close();
    }
  });

  it.each([
    ['2026-11-23T10:00:00.123456789Z', Date.UTC(2026, 10, 23, 10, 0, 0, 123)],
    ['2026-11-23T10:00:00Z', Date.UTC(2026, 10, 23, 10)],
    ['2026-11-23T12:00:00.5+02:00', Date.UTC(2026, 10, 23, 10, 0, 0, 500)],
    ['yesterday', undefined],
  ])('read %s as Go writes times', (text, expected) => {
    const slice = makeSlice('web', []);
    slice.metadata.annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': text };
    expect(triggerTime(slice)).toBe(expected);
  });
});
