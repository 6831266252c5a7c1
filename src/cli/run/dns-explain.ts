import { readFileSync } from 'node:fs';
import { silentLogger } from '#base';
import { createInformerFactory, Resources } from '#client';
import { type Explanation, explain } from '#dns';
import type { ClientFlags } from '../commands/client-flags.js';
import { clientFromFlags } from '../compose/standalone.js';

const TIMEOUT_MS = 15_000;

/** The flags of `kubesvc dns explain`. */
export interface Options extends ClientFlags {
  /** Read this Corefile instead of assuming the shipped one. */
  conf?: string;
  from?: string;
  namespace: string;
  clusterDomain: string;
}

/** Prints what a Pod gets for a name and why; exit code 1 when no name of the search path has an address. */
export async function run(name: string, options: Options): Promise<void> {
  const client = clientFromFlags(options, 'kubesvc-dns-explain');
  const informers = createInformerFactory(client, { logger: silentLogger });
  try {
    const pod = options.from === undefined ? undefined : await podOf(options.from);
    const explanation = await explain(
      {
        name,
        corefile:
          options.conf === undefined ? shipped(options.clusterDomain) : readFileSync(options.conf, 'utf8'),
        namespace: options.namespace,
        clusterDomain: options.clusterDomain,
        ...(pod === undefined ? {} : { pod }),
      },
      { informers, logger: silentLogger, signal: AbortSignal.timeout(TIMEOUT_MS) },
    );
    process.stdout.write(format(name, explanation));
    process.exitCode = explanation.found ? 0 : 1;
  } finally {
    informers.stop();
    client.close();
  }

  async function podOf(text: string) {
    const [namespace, pod] = text.includes('/') ? text.split('/', 2) : [options.namespace, text];
    return client.resource(Resources.pods).get(pod!, namespace);
  }
}

function shipped(domain: string): string {
  return `. {\n kubernetes ${domain} in-addr.arpa ip6.arpa {\n pods insecure\n ttl 30\n }\n}\n`;
}

function format(name: string, { search, ndots, steps, found }: Explanation): string {
  const lines = [`${name}: search ${search.join(' ') || '(none)'}, ndots ${ndots}`];
  steps.forEach((step, i) => {
    lines.push('', `${i + 1}. ${step.name}  ${step.rcode}  (plugin ${step.plugin})`);
    for (const record of step.records) lines.push(`     ${record}`);
    for (const why of step.why) lines.push(`   - ${why}`);
  });
  lines.push(
    '',
    found ? `=> the resolver uses ${steps.at(-1)!.name}` : '=> no name of the search path has an address',
  );
  return `${lines.join('\n')}\n`;
}
