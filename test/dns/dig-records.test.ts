import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMetrics, silentLogger } from '#base';
import { createInformerFactory } from '#client';
import { FakeClient } from '#client/testing';
import { createDnsServer, type DnsServer } from '#dns';
import { recordTables, rowName, tableCorefile } from '../../src/dns/testing/record-tables.js';
import { seed } from '../../src/dns/testing/sample-cluster.js';

const PORT = 21_253;

/** Rcode and answer records (`TYPE data`) of each message that dig prints. */
function messages(output: string): { rcode: string; answers: string[] }[] {
  return output
    .split(/^;; Got answer:$/m)
    .slice(1)
    .map((text) => ({
      rcode: /status: (\w+)/.exec(text)?.[1] ?? '',
      answers: text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith(';'))
        .map((line) => line.split(/\s+/).slice(3).join(' '))
        .map((record) =>
          record
            .replaceAll('"', '')
            .replace(/\.$/, '')
            .replace(/^(SOA \S+)\. .*/, '$1'),
        )
        .sort(),
    }));
}

describe.each(recordTables)('dig reads the records of %s', (_title, options, rows) => {
  const directory = mkdtempSync(join(tmpdir(), 'kubesvc-dig-'));
  let server: DnsServer;
  beforeAll(async () => {
    const client = new FakeClient();
    seed(client);
    server = createDnsServer(
      { corefile: tableCorefile(options, PORT) },
      {
        informers: createInformerFactory(client, { logger: silentLogger }),
        logger: silentLogger,
        metrics: createMetrics(),
      },
    );
    await server.start();
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it.each(['+notcp', '+tcp', '+noedns'])('as the table says, twice, with %s', async (how) => {
    const file = join(directory, 'questions');
    // What depends on the server's own address is another there.
    const asked = rows.filter(([name, type]) => name !== 'ns.dns' && type !== 'NS' && type !== 'ANY');
    const twice = [...asked, ...asked];
    writeFileSync(file, twice.map(([name, type]) => `${rowName(name)} ${type}`).join('\n'));
    const args = [
      '@127.0.0.1',
      '-p',
      String(PORT),
      '+time=5',
      '+tries=1',
      how,
      '+noall',
      '+comments',
      '+answer',
    ];
    const { stdout } = await promisify(execFile)('dig', [...args, '-f', file], { maxBuffer: 2 ** 24 });
    const got = messages(stdout);
    expect(got.map((m) => [m.rcode, m.answers])).toEqual(
      twice.map(([, , rcode, answers]) => [rcode, [...answers].sort()]),
    );
  });
});
