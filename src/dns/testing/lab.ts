import packet from 'dns-packet';
import type { core, discovery } from '#api';
import { createMetrics, type Logger, silentLogger } from '#base';
import { createInformerFactory, Resources } from '#client';
import { FakeClient } from '#client/testing';
import { ServerStats } from '../metrics/server-stats.js';
import type { Protocol } from '../plugins/plugin.js';
import { buildRuntime } from '../runtime.js';
import { InformerSources } from '../zone/informer-sources.js';

export type Decoded = packet.DecodedPacket & { rcode: string };

/** A configuration without sockets, over an in-memory API: messages in, messages out, as the listeners would. */
export interface Lab {
  client: FakeClient;
  /** One message; undefined when nothing is sent back within the turn and its promises. */
  raw(
    message: Buffer,
    options?: { protocol?: Protocol; from?: string; waitMs?: number },
  ): Promise<Buffer | undefined>;
  ask(name: string, type: string, options?: AskOptions): Promise<Decoded>;
  /** The answer section as `TYPE data`, sorted. */
  answers(name: string, type: string): Promise<string[]>;
  kept(): number;
  /** The value of a metric with these labels' text, or undefined. */
  metric(name: string, labels?: string): Promise<number | undefined>;
  stop(): Promise<void>;
}

export interface AskOptions {
  protocol?: Protocol;
  from?: string;
  /** How long to wait for what is asked of others. */
  waitMs?: number;
  udpPayloadSize?: number;
  flags?: number;
  class?: string;
}

export async function createLab(
  corefile: string,
  seed: (client: FakeClient) => void,
  options: { sync?: boolean; logger?: Logger } = {},
): Promise<Lab> {
  const client = new FakeClient();
  seed(client);
  const factory = createInformerFactory(client, { logger: silentLogger });
  const sources = new InformerSources(factory);
  const metrics = createMetrics();
  const runtime = buildRuntime(corefile, 'Corefile', {
    logger: options.logger ?? silentLogger,
    metrics,
    stats: new ServerStats(),
    sources: () => sources,
    localIps: () => ['10.240.0.1'],
    stopping: () => false,
  });
  const { handler } = [...runtime.listeners.values()][0]!;
  if (options.sync !== false) {
    for (const member of runtime.members) await member.start();
    factory.start();
    await factory.synced();
  }
  const raw: Lab['raw'] = (message, { protocol = 'udp', from = '10.244.0.99', waitMs = 50 } = {}) =>
    new Promise((resolve) => {
      const quick = handler.quick(message, protocol, false);
      if (quick !== undefined) return resolve(quick);
      const timer = setTimeout(() => resolve(undefined), waitMs);
      const reply = (answer: Buffer) => {
        clearTimeout(timer);
        resolve(answer);
      };
      handler.handle({
        message,
        protocol,
        remoteAddress: from,
        remotePort: 4242,
        localAddress: '10.240.0.1',
        reply,
      });
    });
  const ask: Lab['ask'] = async (name, type, askOptions = {}) => {
    const answer = await raw(question(name, type, askOptions), askOptions);
    if (answer === undefined) throw new Error(`no answer to ${name} ${type}`);
    return packet.decode(answer) as Decoded;
  };
  return {
    client,
    raw,
    ask,
    answers: async (name, type) => texts((await ask(name, type)).answers ?? []),
    kept: () => handler.answers.size,
    async metric(name, labels = '') {
      const { body } = await metrics.scrape();
      const line = body.split('\n').find((l) => l.startsWith(name) && l.includes(labels));
      return line === undefined ? undefined : Number(line.split(' ').at(-1));
    },
    async stop() {
      for (const member of runtime.members) await member.stop();
      factory.stop();
    },
  };
}

export function question(name: string, type: string, options: AskOptions = {}): Buffer {
  const { udpPayloadSize, flags = packet.RECURSION_DESIRED } = options;
  const opt = {
    type: 'OPT',
    name: '.',
    udpPayloadSize,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
  return packet.encode({
    type: 'query',
    id: 4711,
    flags,
    questions: [{ type: type as packet.RecordType, name, class: (options.class ?? 'IN') as 'IN' }],
    ...(udpPayloadSize === undefined ? {} : { additionals: [opt as unknown as packet.Answer] }),
  });
}

/** Records as `TYPE data`, sorted, whatever their order was. */
export function texts(records: packet.Answer[]): string[] {
  return records.map(recordText).sort();
}

function recordText(record: packet.Answer): string {
  const { type } = record;
  const { data } = record as unknown as { data: unknown };
  if (type === 'SRV') {
    const { priority, weight, port, target } = data as Record<string, unknown>;
    return `SRV ${priority} ${weight} ${port} ${target}`;
  }
  if (type === 'SOA') return `SOA ${(data as { mname: string }).mname}`;
  return `${type} ${String(data)}`;
}

export function namespace(name: string, labels?: Record<string, string>): core.Namespace {
  return { metadata: { name, ...(labels === undefined ? {} : { labels }) } };
}

/** `ips` empty: headless. */
export function service(
  id: string,
  ips: string[],
  ports: core.ServicePort[] = [{ name: 'http', port: 80, protocol: 'TCP' }],
): core.Service {
  const [ns, name] = id.split('/') as [string, string];
  const clusterIPs = ips.length === 0 ? ['None'] : ips;
  return { metadata: { name, namespace: ns }, spec: { clusterIP: clusterIPs[0]!, clusterIPs, ports } };
}

export function external(id: string, externalName: string): core.Service {
  const [ns, name] = id.split('/') as [string, string];
  return { metadata: { name, namespace: ns }, spec: { type: 'ExternalName', externalName } };
}

export function slice(
  id: string,
  endpoints: (Partial<discovery.Endpoint> & { addresses: string[] })[],
  options: { suffix?: string; ports?: discovery.EndpointPort[]; addressType?: string } = {},
): discovery.EndpointSlice {
  const [ns, name] = id.split('/') as [string, string];
  const { suffix = 'a', ports = [{ name: 'http', port: 8080, protocol: 'TCP' }] } = options;
  return {
    metadata: { name: `${name}-${suffix}`, namespace: ns, labels: { 'kubernetes.io/service-name': name } },
    addressType: options.addressType ?? 'IPv4',
    ports,
    endpoints: endpoints.map((e) => ({ conditions: { ready: true }, ...e })),
  };
}

export function pod(id: string, ip: string, more: { phase?: string; hostNetwork?: boolean } = {}): core.Pod {
  const [ns, name] = id.split('/') as [string, string];
  return {
    metadata: { name, namespace: ns },
    spec: { containers: [], ...(more.hostNetwork === true ? { hostNetwork: true } : {}) },
    status: { podIP: ip, podIPs: [{ ip }], phase: more.phase ?? 'Running' },
  };
}

export { Resources };
