import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { createInformerFactory } from '#client';
import { createDnsServer } from '#dns';
import {
  addClientFlags,
  type ClientFlags,
  clientFromFlags,
  closingClient,
  componentBase,
  runUntilSignal,
} from '../compose/standalone.js';

interface Options extends ClientFlags {
  conf: string;
}

/** `kubesvc dns`: the DNS server alone, with CoreDNS's flag and file. */
export function register(program: Command): void {
  addClientFlags(program.command('dns'))
    .description('Serve cluster DNS as a Corefile says (in CoreDNS’s place).')
    .option('-c, --conf <file>', 'Corefile to load', 'Corefile')
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc dns --conf /etc/coredns/Corefile --kubeconfig /etc/kubernetes/dns.conf
  $ printf '.:1053 {\\n  bind 127.0.0.1\\n  kubernetes cluster.local\\n}\\n' > Corefile && kubesvc dns --kubeconfig admin.conf`,
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { logger, metrics } = componentBase('dns', options.v);
  const client = clientFromFlags(options, 'kubesvc-dns');
  const informers = createInformerFactory(client, { logger });
  const corefile = readFileSync(options.conf, 'utf8');
  const server = createDnsServer({ corefile, corefileName: options.conf }, { informers, logger, metrics });
  await runUntilSignal([closingClient(client), server], logger);
}
