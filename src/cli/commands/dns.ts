import type { Command } from 'commander';
import type { Options } from '../run/dns.js';
import type { Options as ExplainOptions } from '../run/dns-explain.js';
import { addClientFlags } from './client-flags.js';

/** `kubesvc dns`: the DNS server alone, with CoreDNS's flag and file. */
export function register(program: Command): void {
  const dns = addClientFlags(program.command('dns'))
    .description('Serve cluster DNS as a Corefile says (in CoreDNS’s place).')
    .option('-c, --conf <file>', 'Corefile to load', 'Corefile')
    .option('--configmap <namespace/name>', 'follow the key Corefile of this ConfigMap instead of a file')
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc dns --conf /etc/coredns/Corefile --kubeconfig /etc/kubernetes/dns.conf
  $ kubesvc dns --configmap kube-system/coredns
  $ printf '.:1053 {\\n  bind 127.0.0.1\\n  kubernetes cluster.local\\n}\\n' > Corefile && kubesvc dns --kubeconfig admin.conf`,
    )
    .action(async (options: Options) => (await import('../run/dns.js')).run(options));
  registerExplain(dns);
}

/** `kubesvc dns explain NAME`: why a name resolves as it does. */
function registerExplain(dns: Command): void {
  addClientFlags(dns.command('explain'))
    .argument('<name>', 'name, address record or reverse name, as a program would look it up')
    .description('Say what a Pod gets for a name and why: search path, plugin, Service, EndpointSlices.')
    .option('--from <pod>', 'the Pod that asks, as name or namespace/name: its dnsPolicy and dnsConfig count')
    .option('-n, --namespace <namespace>', 'namespace of the search path and of --from', 'default')
    .option('--cluster-domain <domain>', 'domain of the cluster', 'cluster.local')
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc dns explain hello --kubeconfig admin.conf
  $ kubesvc dns explain db-0.db --from shop/web-7d4b9 --kubeconfig admin.conf
  $ kubesvc dns explain 20.0.96.10.in-addr.arpa. --kubeconfig admin.conf`,
    )
    .action(async (name: string, _own: unknown, command: Command) => {
      const { conf, ...options } = command.optsWithGlobals<ExplainOptions>();
      // The parent's default names a file for serving; only one that was asked for is read here.
      const asked =
        command.parent?.getOptionValueSource('conf') === 'cli' && conf !== undefined ? { conf } : {};
      await (await import('../run/dns-explain.js')).run(name, { ...options, ...asked });
    });
}
