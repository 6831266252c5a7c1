import { describe, expect, it } from 'vitest';
import { KindRegistry } from '#api';
import type { AdmissionAttributes, AdmissionPlugin } from '../contracts.js';
import { AdmissionChain } from './chain.js';

const kinds = new KindRegistry();
const pods = kinds.byResource('', 'v1', 'pods')!;
const services = kinds.byResource('', 'v1', 'services')!;

const about = (kind: typeof pods) => ({ kind }) as unknown as AdmissionAttributes;

function chainOf(...plugins: AdmissionPlugin[]): AdmissionChain {
  const chain = new AdmissionChain();
  chain.add(plugins);
  return chain;
}

describe('admission chain', () => {
  it('runs the plugins of a phase in order, each after the one before has been waited for', async () => {
    const log: string[] = [];
    const later = (name: string): AdmissionPlugin => ({
      name,
      admit: async () => {
        log.push(`${name} begins`);
        await Promise.resolve();
        log.push(`${name} ends`);
      },
    });
    const chain = chainOf(
      { name: 'first', admit: () => void log.push('first') },
      later('second'),
      { name: 'not in this phase', validate: () => void log.push('validated') },
      later('third'),
      { name: 'last', admit: () => void log.push('last') },
    );
    await chain.run('admit', about(pods));
    expect(log).toEqual(['first', 'second begins', 'second ends', 'third begins', 'third ends', 'last']);
  });

  it('leaves out plugins that are about other kinds, and has no promise when nobody waits', () => {
    const asked: string[] = [];
    const chain = chainOf(
      { name: 'pods', kinds: ['core.v1.Pod'], validate: async () => void asked.push('pods') },
      { name: 'all', validate: () => void asked.push('all') },
    );
    expect(chain.run('validate', about(services))).toBeUndefined();
    expect(asked).toEqual(['all']);
    expect(chain.run('validate', about(pods))).toBeInstanceOf(Promise);
  });

  it('asks nobody after a plugin has refused, whether at once or later', async () => {
    const refused = new Error('refused');
    const never: AdmissionPlugin = {
      name: 'never',
      admit: () => {
        throw new Error('asked after a refusal');
      },
    };
    const atOnce = chainOf(
      {
        name: 'refuses',
        admit: () => {
          throw refused;
        },
      },
      never,
    );
    expect(() => atOnce.run('admit', about(pods))).toThrow(refused);
    const later = chainOf({ name: 'refuses later', admit: () => Promise.reject(refused) }, never);
    await expect(later.run('admit', about(pods))).rejects.toBe(refused);
  });

  it('asks plugins that were added after a kind was first seen', () => {
    const asked: string[] = [];
    const chain = chainOf();
    chain.run('admit', about(pods));
    chain.add([{ name: 'added', admit: () => void asked.push('added') }]);
    chain.run('admit', about(pods));
    expect(asked).toEqual(['added']);
  });
});
