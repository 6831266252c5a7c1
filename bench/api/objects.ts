export const SERVICES = '/api/v1/namespaces/default/services';
export const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
export const MAPS = '/api/v1/namespaces/default/configmaps';

export function configMap(name: string, text: string): string {
  return JSON.stringify({ metadata: { name }, data: { text } });
}

export function service(i: number): string {
  const labels = { app: `app-${i}`, team: 'bench' };
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }];
  return JSON.stringify({
    metadata: { name: `svc-${i}`, labels },
    spec: { selector: { app: `app-${i}` }, ports },
  });
}

/** Ten endpoints of Service `i`. */
export function slice(i: number): string {
  const endpoints = Array.from({ length: 10 }, (_, n) => ({
    addresses: [`10.244.${i % 250}.${n + 1}`],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: `node-${n % 3}`,
    targetRef: { kind: 'Pod', namespace: 'default', name: `pod-${i}-${n}` },
  }));
  const labels = { 'kubernetes.io/service-name': `svc-${i}` };
  const ports = [{ name: 'http', port: 8080, protocol: 'TCP' }];
  return JSON.stringify({ metadata: { name: `svc-${i}-x`, labels }, addressType: 'IPv4', endpoints, ports });
}
