import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EtcdProcess } from '../contract/store-etcd-process.js';
import { inNamespaces } from '../kernel/node-namespace.js';
import { kubesvc, root, run } from './harness.js';
import { ADDRESS, Files, kubectl, part } from './parts.js';
import type { Stream } from './space.js';

const TIMEOUT = { timeout: 60_000, interval: 300 };

const COREFILE = `.:53 {
    bind ${ADDRESS}
    kubernetes cluster.local in-addr.arpa {
        ttl 30
    }
}
`;
const PROXY_CONFIG = (kubeconfig: string) => `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: 10.244.0.0/16
hostnameOverride: n1
clientConnection: { kubeconfig: ${kubeconfig} }
`;
/** The cluster DNS Service, with an endpoint written by hand. */
const DNS_SERVICE = `apiVersion: v1
kind: Service
metadata: { name: kube-dns, namespace: kube-system }
spec: { clusterIP: 10.96.0.10, ports: [{ name: dns, port: 53, protocol: UDP }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: kube-dns-1, namespace: kube-system, labels: { kubernetes.io/service-name: kube-dns } }
addressType: IPv4
ports: [{ name: dns, port: 53, protocol: UDP }]
endpoints: [{ addresses: [${ADDRESS}] }]
`;

inNamespaces(import.meta.url, 'root', () => {
  describe('every part alone, in one network namespace', () => {
    const directory = mkdtempSync(join(tmpdir(), 'kubesvc-parts-'));
    const files = new Files(join(directory, 'files'));
    const admin = files.path('admin.conf');
    const running: Stream[] = [];
    let outputs: Stream[] = [];
    const etcd = new EtcdProcess();

    const start = (...args: string[]) => {
      const stream = part(...args);
      running.push(stream);
      outputs.push(stream);
      return stream;
    };
    const stopAll = async () => {
      for (const stream of running.splice(0).reverse()) {
        stream.end('SIGTERM');
        await stream.exitCode;
      }
    };
    const serving = () => expect.poll(() => kubectl(admin, ['get', '--raw', '/readyz']), TIMEOUT).toBe('ok');

    beforeAll(async () => {
      for (const command of [
        'link set lo up',
        'link add uplink0 type bridge',
        `addr add ${ADDRESS}/24 dev uplink0`,
        'link set uplink0 up',
        'route add default dev uplink0',
      ]) {
        const result = await run('ip', command.split(' '));
        expect(result.code, `ip ${command}: ${result.stderr}`).toBe(0);
      }
      await files.make();
      await etcd.start();
    });
    afterEach(stopAll);
    afterAll(async () => {
      await stopAll();
      await etcd.remove();
      rmSync(directory, { recursive: true, force: true });
    });

    it('apiserver without a store serves from memory, and writes a kubeconfig of its own', async () => {
      const server = start('apiserver', '--secure-port=0', `--cert-dir=${join(directory, 'certs')}`);
      const [, kubeconfig] = await server.until(/^kubeconfig: (.*)$/m);
      expect(await kubectl(kubeconfig!, ['create', 'configmap', 'a'])).toBe('configmap/a created\n');
      expect(await kubectl(kubeconfig!, ['auth', 'whoami'])).toContain('kubernetes-admin');
      server.end('SIGTERM');
      expect(await server.exitCode).toBe(0);
    });

    it.each(['data-dir', 'etcd'])('apiserver keeps objects over a restart: %s', async (kind) => {
      const store =
        kind === 'etcd' ? `--etcd-servers=${etcd.endpoint}` : `--data-dir=${join(directory, 'data')}`;
      for (const round of ['first', 'second']) {
        start('apiserver', ...files.apiserverFlags(), store);
        await serving();
        const created = await kubectl(admin, ['create', 'configmap', 'kept']);
        expect(created).toMatch(round === 'first' ? /created/ : /already exists/);
        await stopAll();
      }
    });

    it('authenticates tokens, takes upstream’s ranges, and refuses the rest', async () => {
      start('apiserver', ...files.apiserverFlags());
      await serving();
      expect(await kubectl(files.path('proxy.conf'), ['auth', 'whoami'])).toContain('system:kube-proxy');
      expect(await kubectl(files.path('proxy.conf'), ['get', 'secrets'])).toMatch(/^failed: .*Forbidden/);
      files.write('stranger.conf', files.kubeconfig('no-such-token'));
      expect(await kubectl(files.path('stranger.conf'), ['get', 'pods'])).toMatch(
        /You must be logged in|Unauthorized/,
      );
      const expose = ['create', 'service', 'nodeport', 'n', '--tcp=80', '--node-port=30000'];
      expect(await kubectl(admin, expose)).toMatch(/valid ports is 31000-31999/);
    });

    it.each([
      [['apiserver', '--etcd-servers=http://127.0.0.1:1', '--data-dir=/tmp/x'], /exclude each other/],
      [['apiserver', '--tls-cert-file=/tmp/x'], /belong together/],
      [['apiserver', '--no-such-flag'], /unknown option/],
      [['proxy', '--config=/no/such/file'], /no such file/],
      [['dns', '--conf=/no/such/file', '--kubeconfig=/no/such/file'], /no such file/],
      [['node', '--kubeconfig=/no/such/file'], /no such file/],
      [['controller-manager', '--kubeconfig=/no/such/file'], /no such file/],
    ])('ends with what is wrong: %j', async (args, message) => {
      const result = await kubesvc(args);
      expect(result.code).toBeGreaterThan(0);
      expect(result.stderr).toMatch(message);
      expect(result.stderr).not.toMatch(/^ {4}at /m);
    });

    it('all parts, wired by kubeconfigs over TCP and etcd, carry a request from a name to a Pod', async ({
      onTestFailed,
    }) => {
      outputs = [];
      onTestFailed(() => console.error(outputs.map((o) => o.output.slice(-3000)).join('\n---\n')));
      await etcd.start();
      start(
        'apiserver',
        ...files.apiserverFlags(),
        `--etcd-servers=${etcd.endpoint}`,
        '--etcd-prefix=/whole',
      );
      await serving();
      start(
        'controller-manager',
        '--kubeconfig',
        files.path('manager.conf'),
        '--controllers=*,-scheduler',
        '--use-service-account-credentials',
        '--cluster-cidr=10.244.0.0/16',
        '--root-ca-file',
        files.path('ca.crt'),
      );
      const scheduler = ['--kubeconfig', files.path('scheduler.conf'), '--controllers=scheduler'];
      start('controller-manager', ...scheduler, '--debug-address=');
      start(
        'node',
        ...['--kubeconfig', files.path('node.conf'), '--hostname-override=n1', `--node-ip=${ADDRESS}`],
        ...[
          '--network-kubeconfig',
          files.path('proxy.conf'),
          '--root-dir',
          join(directory, 'node'),
          '--cluster-dns=10.96.0.10',
        ],
        ...['--client-ca-file', files.path('ca.crt'), '--tls-cert-file', files.path('serving.crt')],
        ...['--tls-private-key-file', files.path('serving.key')],
      );
      start('proxy', '--config', files.write('proxy.yaml', PROXY_CONFIG(files.path('proxy.conf'))));
      start('dns', '--conf', files.write('Corefile', COREFILE), '--kubeconfig', files.path('dns.conf'));

      await expect.poll(() => kubectl(admin, ['get', 'nodes']), TIMEOUT).toMatch(/^n1 +Ready/m);
      await expect
        .poll(() => kubectl(admin, ['apply', '-f', '-'], DNS_SERVICE), TIMEOUT)
        .toMatch(/slice.*(created|unchanged)/);
      expect(await kubectl(admin, ['apply', '-f', join(root, 'examples/hello.yaml')])).toContain('created');
      expect(await kubectl(admin, ['rollout', 'status', 'deployment/hello', '--timeout=40s'])).toContain(
        'successfully',
      );
      const ip = await kubectl(admin, ['get', 'service', 'hello', '-o', 'jsonpath={.spec.clusterIP}']);
      const out = async (...command: string[]) => (await run(command[0]!, command.slice(1))).stdout;
      const curl = ['curl', '-sS', '--max-time', '5'];
      await expect.poll(() => out(...curl, `http://${ip}/`), TIMEOUT).toMatch(/^hello-\S+ on n1\n$/);
      const name = 'hello.default.svc.cluster.local';
      await expect.poll(() => out('dig', '+short', '+time=2', name, '@10.96.0.10'), TIMEOUT).toBe(`${ip}\n`);

      const inPod = (...command: string[]) => kubectl(admin, ['exec', 'deploy/hello', '--', ...command]);
      expect(await inPod(...curl, 'http://hello.default/')).toMatch(/^hello-\S+ on n1\n$/);
      const api = 'https://kubernetes.default.svc/version';
      const ca = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt';
      expect(await inPod(...curl, '--cacert', ca, api)).toContain('gitVersion');
      expect(await kubectl(admin, ['logs', 'deploy/hello'])).toContain('listens');
    });
  });
});
