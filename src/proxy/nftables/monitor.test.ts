import { describe, expect, it } from 'vitest';
import { GenerationTracker } from './monitor.js';

function track() {
  const foreign: string[] = [];
  return { foreign, tracker: new GenerationTracker('ip kubesvc-proxy', (what) => foreign.push(what)) };
}
const generation = '# new generation 7 by process 123 (nft)';

describe('GenerationTracker', () => {
  it('takes a touched generation that no commit of ours explains for somebody else’s', () => {
    const { tracker, foreign } = track();
    tracker.line('delete table ip kubesvc-proxy');
    tracker.line(generation);
    expect(foreign).toEqual(['delete table ip kubesvc-proxy']);
  });

  it('expects one generation per commit of ours', () => {
    const { tracker, foreign } = track();
    tracker.expect(1);
    tracker.line('add element ip kubesvc-proxy endpoints-tcp { 10.0.0.1 . 80 . 0 : 10.1.0.1 . 80 }');
    tracker.line('add element ip kubesvc-proxy endpoints-tcp { 10.0.0.1 . 80 . 1 : 10.1.0.2 . 80 }');
    tracker.line(generation);
    expect(foreign).toEqual([]);
    tracker.line('flush chain ip kubesvc-proxy services');
    tracker.line(generation);
    expect(foreign).toHaveLength(1);
  });

  it('does not expect a generation of a commit that failed', () => {
    const { tracker, foreign } = track();
    tracker.expect(1);
    tracker.expect(-1);
    tracker.line('delete table ip kubesvc-proxy');
    tracker.line(generation);
    expect(foreign).toHaveLength(1);
  });

  it('ignores other tables, also those whose name begins like ours', () => {
    const { tracker, foreign } = track();
    tracker.line('delete table ip kubesvc-proxy-other');
    tracker.line('add chain ip6 kubesvc-proxy services');
    tracker.line('add rule ip filter input accept');
    tracker.line(generation);
    expect(foreign).toEqual([]);
  });
});
