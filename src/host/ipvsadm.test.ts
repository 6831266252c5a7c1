import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDummyDevice } from './dummy-device.js';
import { parseIpsets } from './ipset.js';
import { createIpvsadm, ipvsCommand, ipvsService, parseSave, socketText } from './ipvsadm.js';
import { FakePrograms } from './testing/fake-programs.js';

const SAVED = `-A -t 10.96.0.1:80 -s rr
-a -t 10.96.0.1:80 -r 10.1.1.1:8080 -m -w 1
-a -t 10.96.0.1:80 -r 10.1.1.2:8080 -m -w 0
-A -t 10.96.0.2:80 -s wrr -p 10800 -b mh-port
-A --sctp-service 10.96.0.1:80 -s mh -b mh-port
-A -u [fd00::1]:53 -s sh -b sh-fallback
-a -u [fd00::1]:53 -r [fd00::2]:53 -m -w 3
`;

const address = fc.oneof(fc.ipV4(), fc.constantFrom('fd00::1', '2001:db8::7:1', '::1'));
const anyServer = fc.record({
  protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const),
  address,
  port: fc.integer({ min: 1, max: 65_535 }),
  scheduler: fc.constantFrom('rr', 'wlc', 'mh'),
  flags: fc.constantFrom('', 'mh-port', 'sh-fallback'),
  persistence: fc.constantFrom(0, 10_800),
  targets: fc
    .uniqueArray(fc.tuple(address, fc.integer({ min: 1, max: 65_535 }), fc.nat(100)), {
      selector: ([ip, port]) => socketText(ip, port),
      maxLength: 4,
    })
    .map((list) => new Map(list.map(([ip, port, weight]) => [socketText(ip, port), weight]))),
});

describe('ipvsadm', () => {
  it('reads what the program saves', () => {
    expect(parseSave(SAVED).map(({ targets, ...server }) => ({ ...server, targets: [...targets] }))).toEqual([
      {
        ...{ protocol: 'tcp', address: '10.96.0.1', port: 80, scheduler: 'rr', flags: '', persistence: 0 },
        targets: [
          ['10.1.1.1:8080', 1],
          ['10.1.1.2:8080', 0],
        ],
      },
      {
        ...{ protocol: 'tcp', address: '10.96.0.2', port: 80, scheduler: 'wrr' },
        ...{ flags: 'mh-port', persistence: 10_800, targets: [] },
      },
      {
        ...{ protocol: 'sctp', address: '10.96.0.1', port: 80, scheduler: 'mh' },
        ...{ flags: 'mh-port', persistence: 0, targets: [] },
      },
      {
        ...{ protocol: 'udp', address: 'fd00::1', port: 53, scheduler: 'sh', flags: 'sh-fallback' },
        ...{ persistence: 0, targets: [['[fd00::2]:53', 3]] },
      },
    ]);
  });

  it('reads back every command that it writes', () => {
    fc.assert(
      fc.property(anyServer, (server) => {
        const service = ipvsService(server);
        const text = [
          ipvsCommand.addService(service, server),
          ...[...server.targets].map(([target, weight]) => ipvsCommand.addTarget(service, target, weight)),
        ].join('\n');
        expect(parseSave(text)).toEqual([server]);
      }),
    );
  });

  it('never fails on lines that it does not know', () => {
    fc.assert(fc.property(fc.string(), (text) => parseSave(text).length >= 0));
    expect(parseSave('-A -f 7 -s rr\nnonsense\n')).toEqual([]);
  });

  it('counts open and closing connections of each real server', async () => {
    const programs = new FakePrograms();
    programs.onRun = () => ({
      stdout: `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.1:80 rr persistent 10800
  -> 10.1.1.1:8080                Masq    1      2          3
UDP  [fd00::1]:53 sh (sh-fallback)
  -> [fd00::2]:53                 Masq    3      0          0
`,
    });
    expect(await createIpvsadm(programs).loads()).toEqual([
      { protocol: 'tcp', address: '10.96.0.1', port: 80, target: '10.1.1.1:8080', connections: 5 },
      { protocol: 'udp', address: 'fd00::1', port: 53, target: '[fd00::2]:53', connections: 0 },
    ]);
  });

  it('counts the connections that each server has ever got', async () => {
    const programs = new FakePrograms();
    programs.onRun = () => ({
      stdout: `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
TCP  10.96.0.1:80                       12       60       48     3600     2880
  -> 10.1.1.1:8080                       7       35       28     2100     1680
`,
    });
    const of = { protocol: 'tcp', address: '10.96.0.1', port: 80 };
    expect(await createIpvsadm(programs).totals()).toEqual([
      { ...of, target: undefined, connections: 12 },
      { ...of, target: '10.1.1.1:8080', connections: 7 },
    ]);
  });

  it('rejects when any command failed, though the exit code speaks of the last one only', async () => {
    const programs = new FakePrograms();
    programs.onRun = () => ({ code: 0, stderr: 'No such destination\n' });
    await expect(createIpvsadm(programs).restore(['-d -t 10.0.0.1:80 -r 10.0.0.2:80'])).rejects.toThrow(
      'No such destination',
    );
  });
});

describe('ipset', () => {
  it('reads what the program saves', () => {
    const text = `create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x1
add KUBE-CLUSTER-IP 10.96.0.1,tcp:80
create KUBE-NODE-PORT-TCP bitmap:port range 0-65535
`;
    const sets = parseIpsets(text);
    expect([...sets.keys()]).toEqual(['KUBE-CLUSTER-IP', 'KUBE-NODE-PORT-TCP']);
    expect([...sets.get('KUBE-CLUSTER-IP')!.entries]).toEqual(['10.96.0.1,tcp:80']);
    fc.assert(fc.property(fc.string(), (any) => parseIpsets(any) instanceof Map));
  });
});

describe('the dummy device', () => {
  it('may be made by somebody else between the look and the deed, and its failure is told', async () => {
    const programs = new FakePrograms();
    let looks = 0;
    programs.onRun = ({ args }) => {
      if (args.includes('show')) return { code: ++looks === 1 ? 1 : 0 };
      return args.includes('add') ? { code: 2, stderr: 'RTNETLINK answers: File exists' } : undefined;
    };
    await createDummyDevice(programs, 'kube-ipvs0').ensure();
    programs.onRun = ({ args }) => ({ code: 2, stderr: args.includes('add') ? 'Not supported' : '' });
    await expect(createDummyDevice(programs, 'kube-ipvs0').ensure()).rejects.toThrow('Not supported');
  });

  it('takes addresses that are there already, or gone already, for done, and nothing else', async () => {
    const programs = new FakePrograms();
    const device = createDummyDevice(programs, 'kube-ipvs0');
    programs.onRun = () => ({ code: 1, stderr: 'RTNETLINK answers: File exists\nCommand failed -:1\n' });
    await device.change(['10.96.0.1', 'fd00::1'], ['10.96.0.2']);
    expect(programs.calls[0]!.input).toBe(
      [
        'addr add 10.96.0.1/32 dev kube-ipvs0',
        'addr add fd00::1/128 dev kube-ipvs0 nodad',
        'addr del 10.96.0.2/32 dev kube-ipvs0',
        '',
      ].join('\n'),
    );
    programs.onRun = () => ({ code: 1, stderr: 'Cannot find device "kube-ipvs0"\n' });
    await expect(device.change(['10.96.0.1'], [])).rejects.toThrow('Cannot find device');
  });
});
