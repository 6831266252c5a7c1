import type { Command } from 'commander';
import type { Options } from '../run/apiserver.js';

const repeat = (value: string, previous: string[]) => [...previous, value];

/** `kubesvc apiserver`: the API server alone, with kube-apiserver's flag names. */
export function register(program: Command): void {
  const command = program
    .command('apiserver')
    .description('Serve the Kubernetes API from the embedded store, or from etcd.')
    .option('--secure-port <port>', 'port for HTTPS; 0 picks a free one', '6443')
    .option('--bind-address <ip>', 'address to listen on', '127.0.0.1')
    .option('--advertise-address <ip>', 'where Pods reach this server: the endpoint of default/kubernetes')
    .option(
      '--data-dir <dir>',
      'directory of the embedded store (without it and --etcd-servers, objects live in memory only)',
    )
    .option(
      '--cert-dir <dir>',
      'where certificates that no flag names are made (default: the data directory)',
    )
    .option('--service-cluster-ip-range <cidrs>', 'addresses of Services, one or two CIDRs', '10.96.0.0/16')
    .option('--service-node-port-range <range>', 'ports of NodePort Services', '30000-32767')
    .option('--token-auth-file <file>', 'CSV of token,user,uid,"group1,group2"')
    .option(
      '--egress-selector-config-file <file>',
      'how Pods and nodes are reached: an EgressSelectorConfiguration',
    );
  addEtcdFlags(command);
  addCertificateFlags(command);
  command
    .option('--max-requests-inflight <n>', 'reads in work at one time; 0 is no limit', '400')
    .option('--max-mutating-requests-inflight <n>', 'writes in work at one time; 0 is no limit', '200')
    .option('-v, --v <level>', 'log verbosity: 0-3 informational, 4 and more debug', '2')
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc apiserver                                          a throw-away server, in memory; prints its kubeconfig
  $ kubesvc apiserver --data-dir /var/lib/kubesvc
  $ kubesvc apiserver --etcd-servers http://127.0.0.1:2379 --service-cluster-ip-range 10.96.0.0/12 \\
      --client-ca-file ca.crt --tls-cert-file api.crt --tls-private-key-file api.key \\
      --service-account-signing-key-file sa.key --service-account-key-file sa.pub \\
      --service-account-issuer https://kubernetes.default.svc`,
    )
    .action(async (options: Options) => (await import('../run/apiserver.js')).run(options));
}

function addEtcdFlags(command: Command): void {
  command
    .option('--etcd-servers <urls>', 'etcd endpoints, comma separated')
    .option('--etcd-prefix <path>', 'prefix of all keys', '/registry')
    .option('--etcd-cafile <file>', 'authority of the etcd servers')
    .option('--etcd-certfile <file>', 'client certificate for etcd')
    .option('--etcd-keyfile <file>', 'its key');
}

function addCertificateFlags(command: Command): void {
  command
    .option('--client-ca-file <file>', 'authority of client certificates')
    .option('--tls-cert-file <file>', 'serving certificate')
    .option('--tls-private-key-file <file>', 'its key')
    .option(
      '--service-account-issuer <url>',
      'issuer of tokens; repeated: the first issues, all are accepted',
      repeat,
      [],
    )
    .option('--service-account-signing-key-file <file>', 'key that signs tokens')
    .option('--service-account-key-file <file>', 'key that verifies tokens; may be repeated', repeat, [])
    .option('--api-audiences <list>', 'audiences of tokens, comma separated')
    .option('--kubelet-certificate-authority <file>', "authority of the node agents' certificates")
    .option('--kubelet-client-certificate <file>', 'client certificate for node agents')
    .option('--kubelet-client-key <file>', 'its key');
}
