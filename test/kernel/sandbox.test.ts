import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#base';
import { createPrograms, createSandbox, type Sandbox } from '#host';

const HOST_LINKS = () =>
  readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .map((l) => l.split(':')[0]?.trim())
    .join(' ');

describe('the cluster sandbox', () => {
  let programs: ReturnType<typeof createPrograms>;
  let sandbox: Sandbox | undefined;
  beforeEach(async () => {
    programs = createPrograms({ logger: silentLogger });
    await programs.start();
  });
  afterEach(async () => {
    await sandbox?.stop();
    sandbox = undefined;
    await programs.stop();
  });

  const node = (index: number, command: string[]) =>
    sandbox!.startNode({
      name: `node-${index}`,
      index,
      addresses: [`172.30.0.${10 + index}/24`],
      gateways: ['172.30.0.1'],
      command,
      env: { PATH: process.env['PATH'] ?? '' },
    });

  it('connects nodes to each other and to nothing else, without touching the host', async () => {
    const before = HOST_LINKS();
    sandbox = await createSandbox(programs, {
      bridge: 'kubesvc0',
      addresses: ['172.30.0.1/24'],
      rootless: process.getuid?.() !== 0,
    });
    const listener = await node(1, [process.execPath, '-e', LISTEN]);
    await new Promise((resolve) => listener.stdout!.once('data', resolve));
    const dialer = await node(2, [process.execPath, '-e', DIAL, '172.30.0.11']);
    expect(await text(dialer.stdout!)).toBe('hello from node-1');
    const outside = await node(3, ['sh', '-c', 'ip route get 192.0.2.1; ip -br link | wc -l']);
    expect(await text(outside.stdout!)).toMatch(/via 172\.30\.0\.1/);
    expect(HOST_LINKS()).toBe(before);
  });

  it('takes every process down with the helper', async () => {
    sandbox = await createSandbox(programs, {
      bridge: 'kubesvc0',
      addresses: ['172.30.0.1/24'],
      rootless: process.getuid?.() !== 0,
    });
    await node(1, ['sleep', '600']);
    const pid = sandbox.initPid;
    await programs.stop();
    await expect.poll(() => running(pid), { timeout: 20_000 }).toBe(false);
  });

  it('rejects with the reason when the addresses are not valid', async () => {
    const options = { bridge: 'kubesvc0', addresses: ['nonsense'], rootless: process.getuid?.() !== 0 };
    await expect(createSandbox(programs, options)).rejects.toThrow(/nonsense/);
  });
});

const LISTEN = `require('net').createServer((s) => s.end('hello from ' + require('os').hostname())).listen(8080, () => console.log('up'))`;
const DIAL = `require('net').connect(8080, process.argv[1]).pipe(process.stdout)`;

function running(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
