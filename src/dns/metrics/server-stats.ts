import { Distribution } from '#base';
import { rcodeName, Type } from '../wire/constants.js';

const PROTOCOLS = ['udp', 'tcp', 'tls', 'https'] as const;
const TYPES = new Map<number, string>([
  ...Object.entries(Type)
    .filter(([name]) => !['OPT', 'HINFO'].includes(name))
    .map(([name, code]) => [code, name] as [number, string]),
  [43, 'DS'],
  [46, 'RRSIG'],
  [47, 'NSEC'],
  [48, 'DNSKEY'],
  [50, 'NSEC3'],
  [65, 'HTTPS'],
]);
/** CoreDNS plugin.TimeBuckets. */
const TIME_BUCKETS = Array.from({ length: 16 }, (_, i) => 0.00025 * 2 ** i);
const SIZE_BUCKETS = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3];

/** One answered query. Sizes in bytes, `seconds` from first byte to reply. */
export interface Observation {
  type: number;
  protocol: (typeof PROTOCOLS)[number];
  ipv6: boolean;
  do: boolean;
  requestSize: number;
  responseSize: number;
  rcode: number;
  by: string;
  seconds: number;
}

/** Counters of one server and zone; plain numbers, because they are touched by every query. */
export class ZoneStats {
  readonly requests = new Map<number, number>();
  readonly responses = new Map<string, number>();
  readonly duration = new Distribution(TIME_BUCKETS);
  readonly requestSize = new Map<string, Distribution>();
  readonly responseSize = new Map<string, Distribution>();
  doRequests = 0;
  #lastBy = '';
  #lastRcode = -1;
  #lastKey = '';

  observe(o: Observation): void {
    const key = (TYPES.has(o.type) ? o.type : 0) * 8 + PROTOCOLS.indexOf(o.protocol) * 2 + (o.ipv6 ? 1 : 0);
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
    if (o.by !== this.#lastBy || o.rcode !== this.#lastRcode) {
      this.#lastBy = o.by;
      this.#lastRcode = o.rcode;
      this.#lastKey = `${o.rcode}|${o.by}`;
    }
    this.responses.set(this.#lastKey, (this.responses.get(this.#lastKey) ?? 0) + 1);
    if (o.do) this.doRequests++;
    this.duration.observe(o.seconds);
    sizeOf(this.requestSize, o.protocol).observe(o.requestSize);
    sizeOf(this.responseSize, o.protocol).observe(o.responseSize);
  }
}

function sizeOf(sizes: Map<string, Distribution>, protocol: string): Distribution {
  let found = sizes.get(protocol);
  if (found === undefined) {
    found = new Distribution(SIZE_BUCKETS);
    sizes.set(protocol, found);
  }
  return found;
}

/**
 * The per-query metrics of CoreDNS (`coredns_dns_*`) as plain numbers by zone: looking labels up five times for each
 * query would cost more than the answer does.
 */
export class ServerStats {
  readonly #zones = new Map<string, { labels: string; stats: ZoneStats }>();
  /** `server`, `zone`, `name` of enabled plugins, as label text. */
  readonly #plugins = new Set<string>();
  readonly #version: string;
  panics = 0;

  constructor(version = '') {
    this.#version = version;
  }

  zone(server: string, zone: string): ZoneStats {
    const labels = `server="${server}",zone="${labelText(zone)}",view=""`;
    let found = this.#zones.get(labels);
    if (found === undefined) {
      found = { labels, stats: new ZoneStats() };
      this.#zones.set(labels, found);
    }
    return found.stats;
  }

  /** Replaces the list of enabled plugins. */
  enabled(plugins: { server: string; zone: string; name: string }[]): void {
    this.#plugins.clear();
    for (const p of plugins)
      this.#plugins.add(`server="${p.server}",zone="${labelText(p.zone)}",view="",name="${p.name}"`);
  }

  /** The Prometheus text exposition of everything here. */
  render(): string {
    const out: string[] = [];
    family(
      out,
      'coredns_build_info',
      'gauge',
      "A metric with a constant '1' value labeled by version, revision, and goversion from which CoreDNS was built.",
    );
    const build = `version="${labelText(this.#version)}",revision="",goversion="node ${process.versions.node}"`;
    out.push(`coredns_build_info{${build}} 1`);
    family(out, 'coredns_panics_total', 'counter', 'A metrics that counts the number of panics.');
    out.push(`coredns_panics_total ${this.panics}`);
    family(
      out,
      'coredns_plugin_enabled',
      'gauge',
      'A metric that indicates whether a plugin is enabled on per server and zone basis.',
    );
    for (const labels of this.#plugins) out.push(`coredns_plugin_enabled{${labels}} 1`);
    this.#requests(out);
    this.#responses(out);
    this.#distributions(out);
    return `${out.join('\n')}\n`;
  }

  #requests(out: string[]): void {
    family(
      out,
      'coredns_dns_requests_total',
      'counter',
      'Counter of DNS requests made per zone, protocol and family.',
    );
    for (const { labels, stats } of this.#zones.values()) {
      for (const [key, value] of stats.requests) {
        const type = TYPES.get(key >> 3) ?? 'other';
        const protocol = PROTOCOLS[(key >> 1) & 3];
        out.push(
          `coredns_dns_requests_total{${labels},proto="${protocol}",family="${(key & 1) === 1 ? 2 : 1}",type="${type}"} ${value}`,
        );
      }
    }
    family(
      out,
      'coredns_dns_do_requests_total',
      'counter',
      'Counter of DNS requests with DO bit set per zone.',
    );
    for (const { labels, stats } of this.#zones.values())
      if (stats.doRequests > 0) out.push(`coredns_dns_do_requests_total{${labels}} ${stats.doRequests}`);
  }

  #responses(out: string[]): void {
    family(out, 'coredns_dns_responses_total', 'counter', 'Counter of response status codes.');
    for (const { labels, stats } of this.#zones.values()) {
      for (const [key, value] of stats.responses) {
        const [rcode, by] = key.split('|');
        out.push(
          `coredns_dns_responses_total{${labels},rcode="${rcodeName(Number(rcode))}",plugin="${by}"} ${value}`,
        );
      }
    }
  }

  #distributions(out: string[]): void {
    const name = 'coredns_dns_request_duration_seconds';
    family(out, name, 'histogram', 'Histogram of the time (in seconds) each request took per zone.');
    for (const { labels, stats } of this.#zones.values()) stats.duration.write(out, name, labels);
    const sizes = [
      [
        'coredns_dns_request_size_bytes',
        'Size of the EDNS0 UDP buffer in bytes (64K for TCP) per zone and protocol.',
        'requestSize',
      ],
      ['coredns_dns_response_size_bytes', 'Size of the returned response in bytes.', 'responseSize'],
    ] as const;
    for (const [size, help, field] of sizes) {
      family(out, size, 'histogram', help);
      for (const { labels, stats } of this.#zones.values())
        for (const [protocol, d] of stats[field]) d.write(out, size, `${labels},proto="${protocol}"`);
    }
  }
}

function family(out: string[], name: string, type: string, help: string): void {
  out.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
}

function labelText(text: string): string {
  return text.replace(/["\\\n]/g, '_');
}
