import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInformerFactory } from '#client';
import { createDnsServer } from '#dns';
import type { ClientFlags } from '../commands/client-flags.js';
import { clientFromFlags, componentBase, runUntilSignal } from '../compose/standalone.js';
import { closing } from '../compose/startables.js';

/** The flags of `kubesvc dns`. */
export interface Options extends ClientFlags {
  conf: string;
}

/** Runs the component until a signal. */
export async function run(options: Options): Promise<void> {
  const { logger, metrics } = componentBase('dns', options.v);
  const client = clientFromFlags(options, 'kubesvc-dns');
  const informers = createInformerFactory(client, { logger });
  const corefile = readFileSync(options.conf, 'utf8');
  const server = createDnsServer(
    { corefile, corefileName: options.conf, readCorefile: () => readFile(options.conf, 'utf8') },
    { informers, logger, metrics },
  );
  // The lists leave as much garbage as they leave state; there where the launcher gives the means (bin/kubesvc).
  void informers.synced().then(() => globalThis.gc?.());
  await runUntilSignal([closing([client]), server], logger);
}
