import { describe, expect, it } from 'vitest';
import { FakePrograms } from '#host/testing';
import { testSettings } from '../testing/flows.js';
import { LocalRoutes } from './routes.js';

function fixture() {
  const programs = new FakePrograms();
  const routes = new LocalRoutes('IPv4', programs);
  const written = () => programs.calls.splice(0).flatMap(({ input }) => input.trim().split('\n'));
  return { programs, routes, written };
}

const settings = (nodeIP?: string) => testSettings({ serviceCIDRs: ['172.30.0.0/16'], nodeIP });
const OWN = ['127.0.0.1', '192.168.0.2'];

describe('LocalRoutes', () => {
  it('sets one route per ServiceCIDR and per address beyond, once, and leaves the node’s own addresses alone', async () => {
    const { routes, written } = fixture();
    await routes.set(settings(), ['172.30.0.1', '1.2.3.4', '192.168.0.2'], OWN);
    expect(written()).toEqual([
      'route replace local 172.30.0.0/16 dev lo table local proto 107',
      'route replace local 1.2.3.4 dev lo table local proto 107',
    ]);
    await routes.set(settings(), ['172.30.0.2', '1.2.3.4', '1.2.3.5'], OWN);
    expect(written()).toEqual(['route replace local 1.2.3.5 dev lo table local proto 107']);
  });

  it('writes them again once the node’s address is known', async () => {
    const { routes, written } = fixture();
    await routes.set(settings(), ['172.30.0.1'], OWN);
    written();
    await routes.set(settings('192.168.0.2'), ['172.30.0.1'], OWN);
    expect(written()).toEqual([
      'route replace local 172.30.0.0/16 dev lo table local proto 107 src 192.168.0.2',
    ]);
  });

  it('does not try again without the right to', async () => {
    const { programs, routes } = fixture();
    programs.onRun = () => ({ code: 2, stderr: 'RTNETLINK answers: Operation not permitted' });
    await routes.set(settings(), ['172.30.0.1'], OWN);
    expect(routes.isAllowed).toBe(false);
    await routes.set(settings(), ['172.30.0.1', '1.2.3.4'], OWN);
    expect(programs.calls).toHaveLength(1);
  });
});
