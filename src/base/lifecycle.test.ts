import { describe, expect, it } from 'vitest';
import { Group } from './lifecycle.js';

function member(name: string, log: string[], failing = false) {
  return {
    start: async () => {
      if (failing) throw new Error(`${name} cannot start`);
      log.push(`+${name}`);
    },
    stop: async () => {
      log.push(`-${name}`);
    },
  };
}

describe('a group', () => {
  it('starts in order and stops in reverse, once', async () => {
    const log: string[] = [];
    const group = new Group([member('a', log), member('b', log)]);
    await group.start();
    await group.stop();
    await group.stop();
    expect(log).toEqual(['+a', '+b', '-b', '-a']);
  });

  it('stops what had started when a member fails to start', async () => {
    const log: string[] = [];
    const group = new Group([member('a', log), member('b', log, true), member('c', log)]);
    await expect(group.start()).rejects.toThrow('b cannot start');
    expect(log).toEqual(['+a', '-a']);
  });
});
