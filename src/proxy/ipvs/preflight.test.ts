import { describe, expect, it } from 'vitest';
import { createMetrics, FakeClock, silentLogger } from '#base';
import { createInformerFactory, type EventRecorder } from '#client';
import { FakeClient } from '#client/testing';
import { loadProxyConfig } from '../config/load.js';
import { ModeUnavailableError } from '../contract.js';
import { createProxy } from '../create-proxy.js';
import { IpvsPrograms } from '../testing/ipvs-programs.js';
import { NODE_NAME } from '../testing/objects.js';
import { checkIpvsSupport, prepareKernel, requiredSysctls } from './preflight.js';

const ipvsConfig = (ipvs: Record<string, unknown> = {}) => loadProxyConfig('', { ipvs }).config.ipvs;

describe('the ipvs mode refuses to start', () => {
  it('without ip_vs in the kernel, in upstream’s words', async () => {
    const programs = new IpvsPrograms();
    programs.refusal =
      "Can't initialize ipvs: Protocol not available\nAre you sure that IP Virtual Server is built in the kernel or as module?";
    const attempt = checkIpvsSupport(programs, 'IPv4', 'rr');
    await expect(attempt).rejects.toThrow(ModeUnavailableError);
    await expect(attempt).rejects.toThrow(
      /^can't use the IPVS proxier: ipvs not supported by the kernel .*Protocol not available/,
    );
  });

  it('with an ipset that is too old, or without one', async () => {
    const programs = new IpvsPrograms();
    const run = programs.onRun!;
    programs.onRun = (call) => (call.file === 'ipset' ? { stdout: 'ipset v4.5, protocol 4' } : run(call));
    await expect(checkIpvsSupport(programs, 'IPv4', 'rr')).rejects.toThrow(
      "can't use the IPVS proxier: ipset version: v4.5 is less than min required version: 6.0",
    );
    programs.onRun = (call) => (call.file === 'ipset' ? { code: 127, stderr: 'not found' } : run(call));
    await expect(checkIpvsSupport(programs, 'IPv4', 'rr')).rejects.toThrow(
      "can't use the IPVS proxier: error getting ipset version",
    );
  });

  it('with a scheduler that the kernel does not have', async () => {
    const programs = new IpvsPrograms();
    const run = programs.onRun!;
    programs.onRun = (call) =>
      call.input.includes('-s lblcr') ? { code: 255, stderr: 'Scheduler not found' } : run(call);
    await expect(checkIpvsSupport(programs, 'IPv4', 'lblcr')).rejects.toThrow(
      `can't use the IPVS proxier: scheduler "lblcr"`,
    );
    await checkIpvsSupport(programs, 'IPv4', 'rr');
    expect(programs.kernel.servers.size).toBe(0);
  });

  it('when a sysctl cannot be set', async () => {
    const programs = new IpvsPrograms();
    programs.onRun = () => ({ stdout: 'net/ipv4/vs/conntrack to 1\n' });
    await expect(prepareKernel(programs, ipvsConfig(), silentLogger)).rejects.toThrow(
      "unable to create proxier: can't set sysctl net/ipv4/vs/conntrack to 1",
    );
  });
});

describe('the ipvs mode prepares the kernel', () => {
  it('with upstream’s sysctls', () => {
    const plain = [
      ['net/ipv4/vs/conntrack', 1],
      ['net/ipv4/vs/expire_nodest_conn', 1],
      ['net/ipv4/vs/expire_quiescent_template', 1],
      ['net/ipv4/ip_forward', 1],
    ];
    expect(requiredSysctls(false, '6.1.0-56-cloud-amd64')).toEqual(plain);
    expect(requiredSysctls(false, '5.4.0')).toContainEqual(['net/ipv4/vs/conn_reuse_mode', 0]);
    expect(requiredSysctls(true, '6.1.0')).toEqual([
      ...plain,
      ['net/ipv4/conf/all/arp_ignore', 1],
      ['net/ipv4/conf/all/arp_announce', 2],
    ]);
  });

  it('with timeouts only where the configuration has one', async () => {
    const programs = new IpvsPrograms();
    await prepareKernel(programs, ipvsConfig(), silentLogger);
    expect(programs.calls.map(({ file }) => file)).toEqual(['sh']);
    await prepareKernel(programs, ipvsConfig({ tcpTimeout: '15m', udpTimeout: '30s' }), silentLogger);
    expect(programs.calls.at(-1)).toMatchObject({ file: 'ipvsadm', args: ['--set', '900', '0', '30'] });
  });
});

it('tells the Node’s events that ipvs is deprecated', async () => {
  const api = new FakeClient();
  const told: string[] = [];
  const events: EventRecorder = {
    event: (_object, type, reason, message) => void told.push(`${type} ${reason}: ${message}`),
  } as EventRecorder;
  const options = { mode: 'ipvs', healthzBindAddress: '', metricsBindAddress: '' };
  const { config } = loadProxyConfig('', options);
  const proxy = createProxy(
    { config, nodeName: NODE_NAME, families: ['IPv4'], localAddresses: () => [] },
    {
      client: api,
      informers: createInformerFactory(api, { logger: silentLogger }),
      programs: new IpvsPrograms(),
      logger: silentLogger,
      metrics: createMetrics(),
      clock: new FakeClock(),
      events,
    },
  );
  try {
    await Promise.all([proxy.start(), expect.poll(() => told.length).toBe(2)]);
  } finally {
    await proxy.stop();
  }
  expect(told[0]).toBe(
    "Warning IPVSDeprecation: The ipvs proxier is now deprecated and may be removed in a future release. Please use 'nftables' instead.",
  );
});
