import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { core, discovery } from '#api';
import { createLab, external, type Lab, namespace, Resources, service, slice, texts } from './testing/lab.js';

const ZONE = 'cluster.local';
const COREFILE = `.:53 {\n kubernetes ${ZONE} in-addr.arpa ip6.arpa {\n ttl 30\n }\n loadbalance\n}\n`;
const NAMESPACES = ['ns1', 'ns2'];
const NAMES = ['a', 'b', 'c'];
const PORTS = ['http', 'dns'];

interface Cluster {
  services: core.Service[];
  slices: discovery.EndpointSlice[];
}

type Family = 'IPv4' | 'IPv6';
const families = fc.constantFrom<Family[]>(['IPv4'], ['IPv6'], ['IPv4', 'IPv6']);
const endpointAddress = (family: Family, n: number) => (family === 'IPv4' ? `10.1.0.${n}` : `fd00:1::${n}`);
const clusterAddress = (family: Family, n: number) => (family === 'IPv4' ? `10.0.0.${n}` : `fd00:96::${n}`);
const typeOf = (address: string) => (address.includes(':') ? 'AAAA' : 'A');

/** The reverse name of an address, the long way. */
function reverseOf(address: string): string {
  if (!address.includes(':')) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  const [head, tail] = address.split('::') as [string, string];
  const left = head.split(':');
  const groups = [...left, ...Array(8 - left.length - 1).fill('0'), tail];
  const digits = groups.map((g) => g.padStart(4, '0')).join('');
  return `${[...digits].reverse().join('.')}.ip6.arpa`;
}

const endpoint = fc.record({
  number: fc.nat(6),
  conditions: fc.constantFrom({ ready: true }, { ready: false }, {}),
  hostname: fc.constantFrom<string | undefined>(undefined, undefined, 'web-0', 'web-1'),
});

const clusters: fc.Arbitrary<Cluster> = fc
  .array(
    fc.record({
      id: fc.tuple(fc.constantFrom(...NAMESPACES, 'gone'), fc.constantFrom(...NAMES)).map((p) => p.join('/')),
      kind: fc.constantFrom('cluster', 'headless', 'headless', 'external'),
      target: fc.tuple(fc.constantFrom(...NAMES, 'zz'), fc.constantFrom(...NAMESPACES)),
      ports: fc.uniqueArray(fc.constantFrom(...PORTS), { maxLength: 2 }),
      families,
      slices: fc.array(
        fc.record({
          family: fc.constantFrom<Family>('IPv4', 'IPv6'),
          endpoints: fc.array(endpoint, { maxLength: 4 }),
        }),
        { maxLength: 2 },
      ),
    }),
    { maxLength: 6 },
  )
  .map((entries) => {
    const cluster: Cluster = { services: [], slices: [] };
    const unique = [...new Map(entries.map((e) => [e.id, e])).values()];
    for (const [i, e] of unique.entries()) {
      const ports = e.ports.map((name, n) => ({ name, port: 80 + n, protocol: 'TCP' }));
      if (e.kind === 'external') {
        cluster.services.push(external(e.id, `${e.target.join('.')}.svc.${ZONE}`));
        continue;
      }
      const ips = e.families.map((family) => clusterAddress(family, i + 1));
      cluster.services.push(service(e.id, e.kind === 'headless' ? [] : ips, ports));
      for (const [n, { family, endpoints }] of e.slices.entries()) {
        const clean = endpoints.map(({ hostname, number, conditions }) => ({
          addresses: [endpointAddress(family, number + 1)],
          conditions,
          ...(hostname === undefined ? {} : { hostname }),
        }));
        const targets = ports.map((p) => ({ ...p, port: p.port + 8000 }));
        cluster.slices.push(slice(e.id, clean, { suffix: `s${n}`, ports: targets, addressType: family }));
      }
    }
    return cluster;
  });

/** Every existing name with its records, written down from the specification without looking at a query. */
class Model {
  readonly records = new Map<string, Map<string, Set<string>>>();
  readonly aliases = new Map<string, string>();

  constructor(cluster: Cluster) {
    this.#exists(ZONE);
    this.#exists(`svc.${ZONE}`);
    for (const ns of NAMESPACES) this.#exists(`${ns}.svc.${ZONE}`);
    for (const s of cluster.services.filter((x) => NAMESPACES.includes(x.metadata.namespace!)))
      this.#service(s, cluster);
  }

  #exists(name: string): Map<string, Set<string>> {
    const have = this.records.get(name) ?? new Map<string, Set<string>>();
    this.records.set(name, have);
    return have;
  }

  #add(name: string, type: string, data: string): void {
    const types = this.#exists(name);
    types.set(type, (types.get(type) ?? new Set()).add(data));
  }

  #service(s: core.Service, cluster: Cluster): void {
    const { namespace: ns, name } = s.metadata;
    const base = `${name}.${ns}.svc.${ZONE}`;
    if (s.spec!.type === 'ExternalName') {
      this.aliases.set(base, s.spec!.externalName!);
      return;
    }
    const ready = cluster.slices
      .filter((x) => x.metadata.namespace === ns && x.metadata.labels!['kubernetes.io/service-name'] === name)
      .flatMap((x) => (x.endpoints ?? []).map((e) => ({ e, ports: x.ports ?? [] })))
      .filter(({ e }) => e.conditions?.ready !== false)
      .map(({ e, ports }) => {
        const ip = e.addresses[0]!;
        return { ip, label: e.hostname ?? ip.replace(/[.:]/g, '-'), ports };
      });
    for (const { ip, label } of ready) {
      this.#add(`${label}.${base}`, typeOf(ip), ip);
      this.#add(reverseOf(ip), 'PTR', `${label}.${base}`);
    }
    const headless = s.spec!.clusterIP === 'None';
    const ips = headless ? ready.map((e) => e.ip) : s.spec!.clusterIPs!;
    for (const ip of ips) this.#add(base, typeOf(ip), ip);
    if (!headless) for (const ip of ips) this.#add(reverseOf(ip), 'PTR', base);
    for (const p of s.spec!.ports ?? []) {
      if (headless && ready.length === 0) continue;
      const named = `_${p.name}._tcp.${base}`;
      this.#exists(`_tcp.${base}`);
      if (!headless) {
        for (const ip of ips) this.#add(named, typeOf(ip), ip);
        this.#add(named, 'SRV', `${p.port} ${base}`);
        continue;
      }
      for (const { ip, label } of ready) {
        this.#add(named, typeOf(ip), ip);
        this.#add(named, 'SRV', `${p.port + 8000} ${label}.${base}`);
      }
    }
  }

  /** Code and sorted records of an answer; aliases are followed. */
  answer(name: string, type: string): [string, string[]] {
    const out: string[] = [];
    let current = name;
    for (let hops = 0; hops < 10; hops++) {
      const alias = this.aliases.get(current);
      if (alias === undefined) {
        const types = this.records.get(current);
        if (types === undefined) return ['NXDOMAIN', out.sort()];
        return ['NOERROR', [...out, ...[...(types.get(type) ?? [])].map((d) => `${type} ${d}`)].sort()];
      }
      out.push(`CNAME ${alias}`);
      current = alias;
    }
    return ['NOERROR', out.sort()];
  }
}

function questions(model: Model): [string, string][] {
  const names = new Set([...model.records.keys(), ...model.aliases.keys()]);
  for (const ns of [...NAMESPACES, 'gone'])
    for (const n of [...NAMES, 'zz']) {
      names.add(`${n}.${ns}.svc.${ZONE}`);
      names.add(`_http._tcp.${n}.${ns}.svc.${ZONE}`);
      names.add(`web-0.${n}.${ns}.svc.${ZONE}`);
      names.add(`_tcp.${n}.${ns}.svc.${ZONE}`);
      names.add(`www.example.com.${ns}.svc.${ZONE}`);
    }
  for (const family of ['IPv4', 'IPv6'] as const)
    for (let n = 1; n <= 8; n++) {
      names.add(reverseOf(endpointAddress(family, n)));
      names.add(reverseOf(clusterAddress(family, n)));
    }
  const types = (name: string) => (name.endsWith('.arpa') ? ['PTR', 'TXT'] : ['A', 'AAAA', 'SRV', 'PTR']);
  return [...names].flatMap((n) => types(n).map((t): [string, string] => [n, t]));
}

/** SRV on bare names is CoreDNS's habit and not of the specification; weights and priority are in the tables. */
function comparable(type: string, name: string, lines: string[]): string[] {
  if (type === 'SRV' && !name.startsWith('_')) return [];
  return lines.map((l) => l.replace(/^SRV \d+ \d+ /, 'SRV ')).sort();
}

async function compare(lab: Lab, cluster: Cluster): Promise<void> {
  const model = new Model(cluster);
  for (const [name, type] of questions(model)) {
    const reply = await lab.ask(name, type, { protocol: 'tcp' });
    const [rcode, expected] = model.answer(name, type);
    const got = comparable(type, name, texts((reply.answers ?? []).filter((a) => a.type !== 'SOA')));
    expect([name, type, reply.rcode, got]).toEqual([name, type, rcode, comparable(type, name, expected)]);
  }
}

describe('random clusters', () => {
  it('are answered as a naive model of the specification says, also after they have changed', async () => {
    await fc.assert(
      fc.asyncProperty(clusters, clusters, async (before, after) => {
        const lab = await createLab(COREFILE, (client) => {
          client.seed(Resources.namespaces, ...NAMESPACES.map((n) => namespace(n)));
          client.seed(Resources.services, ...before.services);
          client.seed(Resources.endpointSlices, ...before.slices);
        });
        try {
          await compare(lab, before);
          await change(lab, before, after);
          await compare(lab, after);
        } finally {
          await lab.stop();
        }
      }),
      { numRuns: 15, endOnFailure: true },
    );
  }, 60_000);
});

/** Turns one cluster into another and waits until both watches have delivered everything. */
async function change({ client, answers }: Lab, before: Cluster, after: Cluster): Promise<void> {
  for (const { metadata } of before.slices)
    client.remove(Resources.endpointSlices, metadata.name!, metadata.namespace);
  for (const { metadata } of before.services)
    client.remove(Resources.services, metadata.name!, metadata.namespace);
  client.seed(Resources.services, ...after.services, service('ns1/marker', []));
  client.seed(Resources.endpointSlices, ...after.slices, slice('ns1/marker', [{ addresses: ['10.9.9.9'] }]));
  await expect.poll(() => answers(`marker.ns1.svc.${ZONE}`, 'A'), { interval: 1 }).toEqual(['A 10.9.9.9']);
}
