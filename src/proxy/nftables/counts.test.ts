import { describe, expect, it } from 'vitest';
import { TestCluster } from '../testing/cluster.js';
import { desiredOf } from '../testing/flows.js';
import { makeService, makeSlice } from '../testing/objects.js';
import { CountReader } from './counts.js';

const annotated = (name: string, ip: string, algorithm: string) => {
  const service = makeService(name, ip);
  service.metadata.annotations = { 'kubesvc.dev/load-balancing': algorithm };
  return service;
};

async function reader() {
  const two = [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }];
  const cluster = new TestCluster().add(
    makeService('web', '172.30.0.1', {
      type: 'NodePort',
      ports: [{ name: 'p80', port: 80, nodePort: 3001 }],
    }),
    makeSlice('web', two),
    annotated('even', '172.30.0.2', 'round-robin'),
    makeSlice('even', two),
    makeService('sticky', '172.30.0.3', { sessionAffinity: 'ClientIP' }),
    makeSlice('sticky', two),
  );
  return new CountReader('IPv4', '', (await desiredOf(cluster)).values());
}

const brief = (counts: ReturnType<CountReader['parse']>) =>
  counts.map(({ service, endpoint, connections }) => `${service} ${endpoint?.ip ?? ''} ${connections}`);

describe('CountReader', () => {
  it('lists the maps and chains that count', async () => {
    const objects = (await reader()).objects('endpoint');
    expect(objects).toContain('map ip kubesvc-proxy endpoints-tcp');
    expect(objects.filter((name) => name.includes('/even/') || name.includes('ns/even'))).toHaveLength(1);
    expect(objects.filter((name) => /chain .*endpoint-.*sticky/.test(name))).toHaveLength(2);
    expect((await reader()).objects('service')).toEqual([
      'map ip kubesvc-proxy service-ips',
      'map ip kubesvc-proxy service-nodeports',
    ]);
  });

  it('sums cluster IP and NodePort per endpoint, and leaves out what is nobody’s', async () => {
    const listing = `table ip kubesvc-proxy {
	map endpoints-tcp {
		typeof ip daddr . tcp dport . numgen random mod 65536 : ip daddr . tcp dport
		counter
		elements = { 172.30.0.1 . 80 . 0 counter packets 13 bytes 780 : 10.0.0.1 . 80,
			     172.30.0.9 . 80 . 0 counter packets 5 bytes 300 : 10.0.0.9 . 80,
			     172.30.0.1 . 80 . 1 counter packets 7 bytes 420 : 10.0.0.2 . 80 }
	}
}
table ip kubesvc-proxy {
	map nodeport-endpoints-tcp {
		typeof tcp dport . numgen random mod 65536 : ip daddr . tcp dport
		counter
		elements = { 3001 . 0 counter packets 1 bytes 60 : 10.0.0.1 . 80 }
	}
}
`;
    expect(brief((await reader()).parse(listing, 'endpoint'))).toEqual([
      'ns/web 10.0.0.1 14',
      'ns/web 10.0.0.2 7',
    ]);
  });

  it('reads lists and endpoints with objects of their own', async () => {
    const own = await reader();
    const named = (pattern: RegExp) =>
      own
        .objects('endpoint')
        .find((name) => pattern.test(name))!
        .split(' ')
        .at(-1)!;
    const listing = `table ip kubesvc-proxy {
	map ${named(/rotate/)} {
		typeof numgen inc mod 65536 : ip daddr . tcp dport
		counter
		elements = { 0 counter packets 4 bytes 240 : 10.0.0.1 . 80,
			     1 counter packets 3 bytes 180 : 10.0.0.2 . 80 }
	}
}
table ip kubesvc-proxy {
	chain ${named(/chain/)} {
		update @affinity-x { ip saddr } counter packets 7 bytes 420
		meta l4proto tcp counter packets 9 bytes 540 dnat to 10.0.0.2:80
	}
}
`;
    expect(own.parse(listing, 'endpoint').map(({ unremembered }) => unremembered)).toEqual([0, 0, 2]);
    expect(brief(own.parse(listing, 'endpoint'))).toEqual([
      'ns/even 10.0.0.1 4',
      'ns/even 10.0.0.2 3',
      'ns/sticky 10.0.0.2 9',
    ]);
  });

  it('reads dispatch maps per Service', async () => {
    const listing = `table ip kubesvc-proxy {
	map service-ips {
		typeof ip daddr . meta l4proto . th dport : verdict
		counter
		elements = { 172.30.0.1 . tcp . 80 counter packets 20 bytes 1200 : goto tcp-random-2,
			     172.30.0.3 . tcp . 80 counter packets 2 bytes 120 : goto sticky-x }
	}
}
table ip kubesvc-proxy {
	map service-nodeports {
		elements = { tcp . 3001 counter packets 1 bytes 60 : goto nodeport-cluster }
	}
}
`;
    expect(brief((await reader()).parse(listing, 'service'))).toEqual(['ns/web  21', 'ns/sticky  2']);
  });
});
