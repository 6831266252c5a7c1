import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiServerOptions, createApiServer } from '#apiserver';
import { createLmdbStore, createMemoryStore, type Store } from '#storage';
import { inlineLess } from '../compose/compiler.js';
import { componentBase, runUntilSignal } from '../compose/standalone.js';
import { directDialer } from '../net/connect-dialer.js';
import { loadEgress } from '../net/egress-config.js';
import { Credentials } from '../up/credentials.js';
import { writeKubeconfig } from '../up/kubeconfig-file.js';
import { UsageError } from '../up/settings.js';

/** The flags of `kubesvc apiserver`. */
export interface Options {
  securePort: string;
  bindAddress: string;
  advertiseAddress?: string;
  etcdServers?: string;
  etcdCafile?: string;
  etcdCertfile?: string;
  etcdKeyfile?: string;
  etcdPrefix: string;
  dataDir?: string;
  certDir?: string;
  serviceClusterIpRange: string;
  serviceNodePortRange: string;
  clientCaFile?: string;
  tlsCertFile?: string;
  tlsPrivateKeyFile?: string;
  tokenAuthFile?: string;
  serviceAccountIssuer: string[];
  serviceAccountSigningKeyFile?: string;
  serviceAccountKeyFile: string[];
  apiAudiences?: string;
  kubeletCertificateAuthority?: string;
  kubeletClientCertificate?: string;
  kubeletClientKey?: string;
  egressSelectorConfigFile?: string;
  maxRequestsInflight: string;
  maxMutatingRequestsInflight: string;
  v: string;
}

/** Runs the component until a signal. */
export async function run(options: Options): Promise<void> {
  inlineLess();
  const { logger, metrics } = componentBase('apiserver', options.v);
  const store = await openStore(options, logger);
  const certificates = await loadCertificates(options);
  const egress =
    options.egressSelectorConfigFile === undefined
      ? directDialer
      : loadEgress(options.egressSelectorConfigFile);
  const server = createApiServer(
    { ...serverOptions(options), ...certificates.options },
    { store, logger, metrics, egress },
  );
  const announce = {
    start: async () => {
      const { host, port } = server.address!;
      const url = `https://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`;
      logger.info('serving', { url });
      const kubeconfig = await certificates.writeKubeconfig?.(url);
      if (kubeconfig !== undefined) process.stdout.write(`kubeconfig: ${kubeconfig}\n`);
    },
    stop: async () => {},
  };
  await runUntilSignal([store, server, announce], logger);
}

async function openStore(
  options: Options,
  logger: Parameters<typeof createLmdbStore>[0]['logger'],
): Promise<Store> {
  if (options.etcdServers === undefined) {
    if (options.dataDir === undefined) return createMemoryStore({});
    return createLmdbStore({ directory: join(options.dataDir, 'store'), logger });
  }
  if (options.dataDir !== undefined) throw new UsageError('--etcd-servers and --data-dir exclude each other');
  const { createEtcdStore } = await import('#storage');
  const { etcdCafile: caFile, etcdCertfile: certFile, etcdKeyfile: keyFile } = options;
  return createEtcdStore({
    endpoints: options.etcdServers.split(','),
    logger,
    tls: {
      ...(caFile === undefined ? {} : { caFile }),
      ...(certFile === undefined ? {} : { certFile }),
      ...(keyFile === undefined ? {} : { keyFile }),
    },
  });
}

type CertificateOptions = Pick<
  ApiServerOptions,
  'tlsCert' | 'tlsPrivateKey' | 'clientCA' | 'serviceAccountSigningKey' | 'serviceAccountKeys'
>;

/**
 * The files that the flags name; what is missing is made (kube-apiserver's self-signed fallback, but with an
 * authority and an administrator's kubeconfig, so that the server can be used at once).
 */
async function loadCertificates(
  options: Options,
): Promise<{ options: CertificateOptions; writeKubeconfig?: (url: string) => Promise<string> }> {
  const text = (file: string) => readFileSync(file, 'utf8');
  const {
    tlsCertFile,
    tlsPrivateKeyFile,
    clientCaFile,
    serviceAccountSigningKeyFile,
    serviceAccountKeyFile,
  } = options;
  if ((tlsCertFile === undefined) !== (tlsPrivateKeyFile === undefined)) {
    throw new UsageError('--tls-cert-file and --tls-private-key-file belong together');
  }
  const given: Partial<CertificateOptions> = {
    ...(tlsCertFile === undefined
      ? {}
      : { tlsCert: text(tlsCertFile), tlsPrivateKey: text(tlsPrivateKeyFile!) }),
    ...(clientCaFile === undefined ? {} : { clientCA: text(clientCaFile) }),
    ...(serviceAccountSigningKeyFile === undefined
      ? {}
      : { serviceAccountSigningKey: text(serviceAccountSigningKeyFile) }),
    ...(serviceAccountKeyFile.length === 0 ? {} : { serviceAccountKeys: serviceAccountKeyFile.map(text) }),
  };
  if (
    given.tlsCert !== undefined &&
    given.clientCA !== undefined &&
    given.serviceAccountSigningKey !== undefined
  ) {
    return { options: given as CertificateOptions };
  }
  return selfMade(options, given);
}

async function selfMade(options: Options, given: Partial<CertificateOptions>) {
  const directory =
    options.certDir ?? (options.dataDir === undefined ? temporaryDirectory() : join(options.dataDir, 'pki'));
  const pki = await Credentials.open(directory);
  const ips = [
    '127.0.0.1',
    '::1',
    options.bindAddress,
    ...(options.advertiseAddress === undefined ? [] : [options.advertiseAddress]),
  ];
  const serving = await pki.ensure('apiserver', {
    commonName: 'kube-apiserver',
    dnsNames: [
      'localhost',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
    ],
    ipAddresses: [...new Set(ips)].filter((ip) => ip !== '0.0.0.0' && ip !== '::'),
    usages: ['server'],
  });
  const admin = await pki.ensure('admin', {
    commonName: 'kubernetes-admin',
    organizations: ['system:masters'],
    usages: ['client'],
  });
  const complete: CertificateOptions = {
    tlsCert: serving.pair.certificate,
    tlsPrivateKey: serving.pair.key,
    serviceAccountSigningKey: readFileSync(pki.serviceAccountKey(), 'utf8'),
    ...given,
    // Both authorities get in: the given one's clients, and the administrator made here.
    clientCA: given.clientCA === undefined ? pki.ca : `${given.clientCA}\n${pki.ca}`,
  };
  const writeFile = async (url: string) => {
    const path = join(directory, 'admin.kubeconfig');
    writeKubeconfig(path, {
      server: url,
      ca: given.tlsCert ?? pki.ca,
      user: 'kubernetes-admin',
      pair: admin.pair,
    });
    return path;
  };
  return { options: complete, writeKubeconfig: writeFile };
}

/** For servers that keep nothing; removed when the process ends in an orderly way. */
function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'kubesvc-apiserver-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function serverOptions(options: Options) {
  const { advertiseAddress, tokenAuthFile, apiAudiences } = options;
  const optionalText = (file: string | undefined) =>
    file === undefined ? undefined : readFileSync(file, 'utf8');
  const kubelet = {
    kubeletCertificateAuthority: optionalText(options.kubeletCertificateAuthority),
    kubeletClientCertificate: optionalText(options.kubeletClientCertificate),
    kubeletClientKey: optionalText(options.kubeletClientKey),
  };
  return {
    bindAddress: options.bindAddress,
    securePort: number('--secure-port', options.securePort, 65_535),
    serviceClusterIPRange: options.serviceClusterIpRange.split(','),
    serviceNodePortRange: options.serviceNodePortRange,
    serviceAccountIssuers:
      options.serviceAccountIssuer.length > 0
        ? options.serviceAccountIssuer
        : ['https://kubernetes.default.svc'],
    maxRequestsInflight: number('--max-requests-inflight', options.maxRequestsInflight),
    maxMutatingRequestsInflight: number(
      '--max-mutating-requests-inflight',
      options.maxMutatingRequestsInflight,
    ),
    ...(advertiseAddress === undefined ? {} : { advertiseAddress }),
    ...(tokenAuthFile === undefined ? {} : { tokenAuthFile }),
    ...(apiAudiences === undefined ? {} : { apiAudiences: apiAudiences.split(',') }),
    ...Object.fromEntries(Object.entries(kubelet).filter(([, value]) => value !== undefined)),
  };
}

function number(flag: string, text: string, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > most)
    throw new UsageError(`${flag}: ${JSON.stringify(text)} is not a number up to ${most}`);
  return value;
}
