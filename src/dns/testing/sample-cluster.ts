import { external, type Lab, namespace, pod, Resources, service, slice } from './lab.js';

export const ZONE = 'cluster.local';
export const V6 = '1234:abcd::1';

/** A cluster with one of everything that records are made of; the tables of records are about it. */
export function seed(client: Lab['client']): void {
  client.seed(
    Resources.namespaces,
    namespace('testns', { env: 'prod' }),
    namespace('other', { env: 'dev' }),
    namespace('kube-system'),
  );
  client.seed(
    Resources.services,
    service('testns/svc1', ['10.0.0.1']),
    service('testns/svc6', [V6]),
    service('testns/dual', ['10.0.0.3', '1234:abcd::3'], [{ name: 'http', port: 80, protocol: 'TCP' }]),
    service('testns/noports', ['10.0.0.4'], []),
    service('testns/unnamed', ['10.0.0.5'], [{ port: 53, protocol: 'UDP' }]),
    service(
      'testns/multi',
      ['10.0.0.6'],
      [
        { name: 'http', port: 80, protocol: 'TCP' },
        { name: 'metrics', port: 9090, protocol: 'TCP' },
      ],
    ),
    service('testns/hdls1', []),
    service('testns/hdls6', []),
    service('testns/hdlsdual', []),
    service('testns/hdlsnone', []),
    service('testns/hdlsprtls', [], []),
    service('testns/samehost', []),
    service('testns/empty', ['10.0.0.7']),
    service('other/svc1', ['10.0.1.1']),
    service('kube-system/kube-dns', ['10.0.0.10'], [{ name: 'dns', port: 53, protocol: 'UDP' }]),
    external('testns/external', 'www.example.org'),
    external('testns/intern', `svc1.testns.svc.${ZONE}`),
    external('testns/loop', `loop.testns.svc.${ZONE}`),
    external('testns/literal', '203.0.113.4'),
    external('testns/dangling', `gone.testns.svc.${ZONE}`),
  );
  const two = [{ addresses: ['172.0.0.2'], hostname: 'ep1a' }, { addresses: ['172.0.0.3'] }];
  client.seed(
    Resources.endpointSlices,
    slice('testns/svc1', [{ addresses: ['172.0.0.1'], hostname: 'ep1' }]),
    slice('testns/hdls1', two),
    slice(
      'testns/hdls1',
      [...two, { addresses: ['172.0.0.4'], conditions: { ready: false } }, { addresses: ['172.0.0.5'] }],
      {
        suffix: 'b',
      },
    ),
    slice('testns/hdls6', [{ addresses: ['5678:abcd::1'] }, { addresses: ['fd00::'] }], {
      addressType: 'IPv6',
    }),
    slice('testns/hdlsdual', [{ addresses: ['172.0.0.6'] }]),
    slice('testns/hdlsdual', [{ addresses: ['5678:abcd::6'] }], { suffix: 'v6', addressType: 'IPv6' }),
    slice('testns/hdlsnone', [{ addresses: ['172.0.0.9'], conditions: { ready: false } }]),
    slice('testns/hdlsprtls', [{ addresses: ['172.0.0.20'] }], { ports: [] }),
    slice('testns/samehost', [
      { addresses: ['172.0.0.30'], hostname: 'twin' },
      { addresses: ['172.0.0.31'], hostname: 'twin' },
    ]),
    slice('kube-system/kube-dns', [{ addresses: ['10.240.0.1'] }], {
      ports: [{ name: 'dns', port: 53, protocol: 'UDP' }],
    }),
  );
  client.seed(
    Resources.pods,
    pod('testns/p1', '10.240.9.1'),
    pod('testns/done', '10.240.9.2', { phase: 'Succeeded' }),
  );
}
