import type { CertificateSigningData } from '#base';

type Check = (request: CertificateSigningData, usages: readonly string[]) => string | undefined;

const NODE_USAGES = ['digital signature', 'key encipherment'];

/** What each of upstream's own signers refuses, in its words; undefined when it would sign (pkg/apis/certificates/helpers.go). */
export const SIGNERS: Readonly<Record<string, Check>> = {
  'kubernetes.io/kube-apiserver-client': (_, usages) => {
    const other = usages.find((usage) => usage !== 'client auth' && !NODE_USAGES.includes(usage));
    if (other !== undefined) return `invalid usage for client certificate: ${other}`;
    return usages.includes('client auth')
      ? undefined
      : 'missing required usage for client certificate: client auth';
  },
  'kubernetes.io/kube-apiserver-client-kubelet': (request, usages) => {
    const { dns, email, ip, uri } = request.alternativeNames;
    return (
      notOfNodes(request) ??
      some(dns, 'DNS subjectAltNames are not allowed') ??
      some(email, 'Email subjectAltNames are not allowed') ??
      some(ip, 'IP subjectAltNames are not allowed') ??
      some(uri, 'URI subjectAltNames are not allowed') ??
      otherName(request) ??
      otherUsages(usages, 'client auth')
    );
  },
  'kubernetes.io/kubelet-serving': (request, usages) => {
    const { dns, email, ip, uri } = request.alternativeNames;
    return (
      notOfNodes(request) ??
      (dns.length + ip.length === 0 ? 'DNS or IP subjectAltName is required' : undefined) ??
      some(email, 'Email subjectAltNames are not allowed') ??
      some(uri, 'URI subjectAltNames are not allowed') ??
      otherUsages(usages, 'server auth') ??
      otherName(request)
    );
  },
  'kubernetes.io/legacy-unknown': () => undefined,
};

function notOfNodes({ organizations }: CertificateSigningData): string | undefined {
  const only = organizations.length === 1 && organizations[0] === 'system:nodes';
  return only ? undefined : 'subject organization is not system:nodes';
}

function otherName({ commonName }: CertificateSigningData): string | undefined {
  return commonName.startsWith('system:node:')
    ? undefined
    : 'subject common name does not begin with system:node:';
}

function some(names: readonly Buffer[], refusal: string): string | undefined {
  return names.length === 0 ? undefined : refusal;
}

/** Keys that cannot encipher go without that usage. */
function otherUsages(usages: readonly string[], purpose: string): string | undefined {
  const wanted = [purpose, ...NODE_USAGES].sort();
  const given = [...new Set([...usages, 'key encipherment'])].sort();
  if (given.join() === wanted.join()) return undefined;
  return `usages did not match [${wanted.join(' ')}]`;
}
