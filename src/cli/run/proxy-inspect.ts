import { isIPv6 } from 'node:net';
import { renderRules, type TraceAnswer, takeSnapshot, traceConnection } from '#proxy';
import { UsageError } from '../up/settings.js';
import { type Options, proxyClient, readOptions } from './proxy-options.js';

/** The flags of `kubesvc proxy trace`. */
export interface TraceOptions extends Options {
  from: string;
  to: string;
  protocol: 'tcp' | 'udp' | 'sctp';
  output?: string;
}

/** `kubesvc proxy --dry-run`: the exact rules for the cluster's present state, both families, to standard output. */
export async function dryRun(options: Options): Promise<void> {
  const { config, nodeName } = readOptions(options);
  const client = proxyClient(options, config);
  try {
    const snapshot = await takeSnapshot(client, nodeName);
    for (const family of ['IPv4', 'IPv6'] as const) {
      process.stdout.write(`# ${config.mode}, ${family}, node ${nodeName}\n`);
      for (const line of await renderRules({ config, nodeName, snapshot }, family))
        process.stdout.write(`${line}\n`);
    }
  } finally {
    client.close();
  }
}

/** `kubesvc proxy trace`: every rule that the first packet of a connection meets, and where it ends. */
export async function trace(options: TraceOptions): Promise<void> {
  const { host, port } = destination(options.to);
  const { config, nodeName } = readOptions(options);
  const client = proxyClient(options, config);
  try {
    const snapshot = await takeSnapshot(client, nodeName);
    const answers = await traceConnection(
      { config, nodeName, snapshot },
      { from: options.from, to: host, port, protocol: options.protocol },
    );
    process.stdout.write(
      options.output === 'json' ? `${JSON.stringify(answers, null, 2)}\n` : describe(answers),
    );
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  } finally {
    client.close();
  }
}

function destination(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null) throw new UsageError(`--to: ${JSON.stringify(text)} is not IP:PORT (or [IPv6]:PORT)`);
  return { host: match[1] ?? match[2]!, port: Number(match[3]) };
}

function describe(answers: TraceAnswer[]): string {
  const shared = answers[0]?.rules ?? [];
  const lines = shared.map((rule) => `  ${rule}`);
  const ends = answers.map((a) => {
    const host = isIPv6(a.destination) ? `[${a.destination}]` : a.destination;
    return `=> ${a.verdict} ${host}:${a.port}${a.masqueraded ? '   (the endpoint sees the node’s address)' : ''}`;
  });
  const choice = answers.length > 1 ? `one of ${answers.length}, chosen per connection:` : '';
  return `${[...lines, choice, ...ends].filter((l) => l !== '').join('\n')}\n`;
}
