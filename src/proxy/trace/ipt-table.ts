import { TraceSyntaxError } from './tokens.js';

/** The iptables tables of one family after reading `iptables-restore --noflush` input. */
export class IptTables {
  /** `table chain` → rules; built-in chains exist from the start. */
  chains = new Map<string, string[]>(
    [
      'nat PREROUTING',
      'nat OUTPUT',
      'nat POSTROUTING',
      'filter INPUT',
      'filter FORWARD',
      'filter OUTPUT',
    ].map((name) => [name, []]),
  );

  /** Reads restore input. Throws for what iptables-restore would refuse; then nothing has changed. */
  restore(text: string): void {
    const chains = new Map([...this.chains].map(([name, rules]) => [name, [...rules]]));
    let table = '';
    for (const line of text.split('\n')) {
      if (line === '' || line === 'COMMIT') continue;
      if (line.startsWith('*')) table = line.slice(1);
      else restoreLine(chains, table, line);
    }
    for (const [name, rules] of chains) {
      for (const rule of rules) checkTarget(chains, name, rule);
    }
    this.chains = chains;
  }

  /** `iptables-save` of one table. */
  save(table: string): string {
    const mine = [...this.chains]
      .filter(([name]) => name.startsWith(`${table} `))
      .map(([name, rules]) => [name.split(' ')[1]!, rules] as const);
    const lines = [
      ...mine.map(([name]) => `:${name} - [0:0]`),
      ...mine.flatMap(([name, rules]) => rules.map((rule) => `-A ${name} ${rule}`)),
    ];
    return `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
  }
}

function restoreLine(chains: Map<string, string[]>, table: string, line: string): void {
  const declared = /^:(\S+) /.exec(line)?.[1];
  if (declared !== undefined) {
    chains.set(`${table} ${declared}`, []);
    return;
  }
  const command = /^-([AIDX]) (\S+) ?(.*)$/.exec(line);
  if (command === null) throw new TraceSyntaxError(`unknown line: ${line}`);
  const [, verb, chain, rest] = command;
  const name = `${table} ${chain}`;
  const rules = chains.get(name);
  if (rules === undefined) throw new TraceSyntaxError(`no chain: ${line}`);
  if (verb === 'A') rules.push(rest!);
  else if (verb === 'I') rules.unshift(rest!.replace(/^1 /, ''));
  else if (verb === 'D') {
    if (!rules.includes(rest!)) throw new TraceSyntaxError(`no such rule: ${line}`);
    rules.splice(rules.indexOf(rest!), 1);
  } else if (rules.length > 0) throw new TraceSyntaxError(`chain is not empty: ${line}`);
  else chains.delete(name);
}

function checkTarget(chains: Map<string, string[]>, name: string, rule: string): void {
  const target = / ?-j ((?:KSVC|KUBE)-\S+)/.exec(rule)?.[1];
  const table = name.split(' ')[0]!;
  if (target !== undefined && !chains.has(`${table} ${target}`))
    throw new TraceSyntaxError(`no chain ${target}: ${name} ${rule}`);
}
