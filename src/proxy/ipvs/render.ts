import { ipvsCommand } from '#host';
import type { DesiredService } from '../state/desired.js';
import { createSet, DEVICE, type SetName, setName, setNames } from './names.js';
import { fixedRules, jumps, restoreText } from './rules.js';
import { type IpvsSettings, type ServiceFacts, serviceFacts } from './service-facts.js';

/** What an empty kernel would be told, each part under a line that names the program that reads it. */
export function renderIpvs(services: Iterable<DesiredService>, settings: IpvsSettings): string[] {
  const all = [...services].map((service) => serviceFacts(service, settings));
  const union = (pick: (facts: ServiceFacts) => Set<string>) => [
    ...new Set(all.flatMap((facts) => [...pick(facts)])),
  ];
  const entries = union((facts) => facts.entries).map((name) => {
    const [set, entry] = name.split(' ') as [SetName, string];
    return `add ${setName(set, settings.family)} ${entry}`;
  });
  const ipvsadm = all
    .flatMap((facts) => [...facts.servers])
    .flatMap(([service, server]) => [
      ipvsCommand.addService(service, server),
      ...[...server.targets].map(([target, weight]) => ipvsCommand.addTarget(service, target, weight)),
    ]);
  const bits = settings.family === 'IPv4' ? 32 : 128;
  const rules = fixedRules(
    settings,
    union((facts) => facts.outFilter),
  );
  return [
    '# ipset restore',
    ...setNames.map((name) => createSet(name, settings.family)),
    ...entries,
    '# ipvsadm --restore',
    ...ipvsadm,
    `# ip -batch - (after: ip link add ${DEVICE} type dummy)`,
    ...union((facts) => facts.addresses).map((address) => `addr add ${address}/${bits} dev ${DEVICE}`),
    '# iptables-restore --noflush',
    ...restoreText(rules, jumps).trimEnd().split('\n'),
  ];
}
