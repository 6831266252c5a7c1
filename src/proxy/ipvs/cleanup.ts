import {
  createDummyDevice,
  createIpset,
  createIptables,
  createIpvsadm,
  type IptablesBackend,
  ipvsCommand,
  ipvsService,
  type Programs,
} from '#host';
import type { Family } from '../state/addresses.js';
import { CHAIN, DEVICE, setName, setNames } from './names.js';
import { chains, jumps } from './rules.js';

/** How the iptables chains of this mode are told from those of upstream's iptables mode, which has the same names. */
const MARKER = `:${CHAIN.filter} `;

/**
 * Removes what this mode, or an upstream kube-proxy in it, has left: virtual servers of the addresses that the device
 * holds and of the node's own ones, the device, chains and sets. Does nothing where there is no such device.
 * `families` are the iptables tables to look into.
 */
export async function cleanupIpvs(
  programs: Programs,
  families: Iterable<{ family: Family; backend: IptablesBackend }>,
): Promise<void> {
  const device = createDummyDevice(programs, DEVICE);
  if (!(await device.exists())) return;
  const ipvsadm = createIpvsadm(programs);
  // Without the program, or without ip_vs in the kernel, the rest must go all the same: upstream needs no ipvsadm.
  const servers = await ipvsadm.list().catch(() => []);
  await ipvsadm.restore(servers.map((server) => ipvsCommand.deleteService(ipvsService(server))));
  for (const { family, backend } of families) await removeChains(programs, family, backend);
  const sets = await createIpset(programs)
    .save()
    .catch(() => new Map());
  const ours = (['IPv4', 'IPv6'] as const).flatMap((family) => setNames.map((name) => setName(name, family)));
  const commands = ours.filter((name) => sets.has(name)).map((name) => `destroy ${name}`);
  await createIpset(programs).restore(commands);
  // Last, for it is what a cleanup that failed half way is recognised by.
  await device.remove();
}

async function removeChains(programs: Programs, family: Family, backend: IptablesBackend): Promise<void> {
  const iptables = createIptables(programs, family === 'IPv4' ? 'ipv4' : 'ipv6', backend);
  const saved = { nat: await iptables.save('nat'), filter: await iptables.save('filter') };
  if (!saved.filter.includes(MARKER)) return;
  const lines = (['nat', 'filter'] as const).flatMap((table) => {
    const found = jumps.filter(
      (jump) => jump.table === table && saved[table].includes(`-A ${jump.chain} ${jump.rule}\n`),
    );
    const present = chains[table].filter((name) => saved[table].includes(`:${name} `));
    return [
      `*${table}`,
      ...present.map((name) => `:${name} - [0:0]`),
      ...found.map(({ chain, rule }) => `-D ${chain} ${rule}`),
      ...present.map((name) => `-X ${name}`),
      'COMMIT',
    ];
  });
  await iptables.restore(`${lines.join('\n')}\n`);
}
