import { describe, expect, it } from 'vitest';
import { FakeClock, silentLogger } from '#base';
import { createNft } from '#host';
import { FakePrograms } from '#host/testing';
import { GenerationTracker, TableWatch } from './monitor.js';

function track() {
  const foreign: string[] = [];
  return { foreign, tracker: new GenerationTracker('ip', 'kubesvc-proxy', (what) => foreign.push(what)) };
}
const generation = 'NEWGEN: GENID=7\tPID=123 NAME=nft';

describe('GenerationTracker', () => {
  it.each([
    ' EVENT: nft: DEL table: table kubesvc-proxy ip flags 0 use 0 handle 2',
    ' EVENT: -4 -t kubesvc-proxy -D services -j ACCEPT',
  ])('takes a touched generation that no commit of ours explains for somebody else’s: %s', (line) => {
    const { tracker, foreign } = track();
    tracker.line(line);
    tracker.line(generation);
    expect(foreign).toEqual([line.trim()]);
  });

  it('expects one generation per commit of ours', () => {
    const { tracker, foreign } = track();
    tracker.expect(1);
    tracker.line(' EVENT: -4 -t kubesvc-proxy -N tcp-random-3');
    tracker.line(' EVENT: -4 -t kubesvc-proxy -A tcp-random-3 -j DNAT');
    tracker.line(generation);
    expect(foreign).toEqual([]);
    tracker.line(' EVENT: -4 -t kubesvc-proxy -X tcp-random-3');
    tracker.line(generation);
    expect(foreign).toHaveLength(1);
  });

  it('does not expect a generation of a commit that failed', () => {
    const { tracker, foreign } = track();
    tracker.expect(1);
    tracker.expect(-1);
    tracker.line(' EVENT: -4 -t kubesvc-proxy -X services');
    tracker.line(generation);
    expect(foreign).toHaveLength(1);
  });

  it('ignores generations without our chains, and other tables and families', () => {
    const { tracker, foreign } = track();
    tracker.line(generation);
    tracker.line(' EVENT: -4 -t kubesvc-proxy-other -X services');
    tracker.line(' EVENT: -6 -t kubesvc-proxy -X services');
    tracker.line(' EVENT: -4 -t filter -A INPUT -j ACCEPT');
    tracker.line(generation);
    expect(foreign).toEqual([]);
  });
});

describe('TableWatch', () => {
  it('checks the table at every start of the monitor, also when it cannot run', async () => {
    const programs = new FakePrograms();
    const clock = new FakeClock();
    const found: string[] = [];
    let damage: string | undefined;
    let checked = 0;
    let onCheck: () => void = () => {};
    const watch = new TableWatch({
      nft: createNft({ ...programs, run: programs.run, spawn: () => Promise.reject(new Error('ENOENT')) }),
      family: 'ip',
      table: 'kubesvc-proxy',
      clock,
      logger: silentLogger,
      onChange: (what) => found.push(what),
      verify: async () => {
        checked++;
        onCheck();
        return damage;
      },
    });
    await watch.start();
    expect({ checked, found }).toEqual({ checked: 1, found: [] });
    damage = 'the table is gone';
    const again = new Promise<void>((resolve) => {
      onCheck = resolve;
    });
    clock.advance(2000);
    await again;
    await new Promise((resolve) => setImmediate(resolve));
    expect({ checked, found }).toEqual({ checked: 2, found: ['the table is gone'] });
    await watch.stop();
    clock.advance(60_000);
    expect(clock.pending).toBe(0);
  });
});
