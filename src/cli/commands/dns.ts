import type { Command } from 'commander';
import type { Options } from '../run/dns.js';
import { addClientFlags } from './client-flags.js';

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
    .action(async (options: Options) => (await import('../run/dns.js')).run(options));
}
