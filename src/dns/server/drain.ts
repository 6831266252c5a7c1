import { setTimeout as sleep } from 'node:timers/promises';
import { addressOctets } from '../zone/addresses.js';
import type { InformerSources } from '../zone/informer-sources.js';
import { endpointsOf } from '../zone/packed-slice.js';

const STEP_MS = 200;
/** Beyond the lameduck period: clients whose proxies are late, within a Pod's usual 30 s of grace. */
const MAX_EXTRA_MS = 15_000;

/**
 * Waits for the lameduck period, and after that (a little longer at most) for as long as this server's addresses are ready
 * endpoints of a DNS Service: a fixed sleep is too short for slow proxies (coredns#5834).
 */
export async function waitUntilUnlisted(
  sources: InformerSources[],
  localIps: string[],
  lameduckMs: number,
): Promise<void> {
  await sleep(lameduckMs);
  const listed = () => localIps.some((ip) => sources.some((each) => isListed(each, addressOctets(ip))));
  for (let waited = 0; waited < MAX_EXTRA_MS && listed(); waited += STEP_MS) await sleep(STEP_MS);
}

function isListed(sources: InformerSources, octets: string | undefined): boolean {
  if (octets === undefined) return false;
  return sources
    .slicesAt(octets)
    .some(
      (slice) =>
        slice.ports.some((p) => p.port === 53) &&
        endpointsOf(slice).some((e) => e.octets === octets && e.ready),
    );
}
