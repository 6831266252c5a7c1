import type { Startable } from '#base';
import type { ServerDeps } from '../deps.js';
import { requireCidr } from './address.js';
import type { Random } from './bands.js';
import { ClusterIPs } from './cluster-ips.js';
import { NodePorts } from './node-ports.js';
import { parsePortRange } from './port-bitmap.js';

export * from './address.js';
export { AllocationError } from './bands.js';
export * from './cluster-ips.js';
export { NodePorts, type PortSession, type RangeAllocation, rangeAllocationKind } from './node-ports.js';
export { formatPortRange, type PortRange, parsePortRange } from './port-bitmap.js';

export interface AllocatorOptions {
  /** --service-cluster-ip-range: one or two CIDRs, of different families; the first is the primary. */
  serviceCIDRs: string[];
  /** --service-node-port-range, default `30000-32767`. */
  nodePortRange?: string;
  random?: Random;
}

/** Addresses and ports that Services get. `start` fills the caches that proposals are made from. */
export interface Allocators extends Startable {
  clusterIPs: ClusterIPs;
  nodePorts: NodePorts;
}

/** Throws RangeError for ranges that cannot serve (malformed, same family twice, IPv6 larger than /64). */
export function createAllocators(options: AllocatorOptions, deps: ServerDeps): Allocators {
  checkRanges(options.serviceCIDRs);
  const clusterIPs = new ClusterIPs(deps, options.serviceCIDRs, options.random);
  const range = parsePortRange(options.nodePortRange ?? '30000-32767');
  return {
    clusterIPs,
    nodePorts: new NodePorts(deps, range, options.random),
    start: () => clusterIPs.start(),
    stop: () => clusterIPs.stop(),
  };
}

function checkRanges(texts: string[]): void {
  if (texts.length < 1 || texts.length > 2) throw new RangeError('one or two Service CIDRs are needed');
  const cidrs = texts.map((text) => {
    const cidr = requireCidr(text);
    if (cidr.family === 6 && cidr.prefix < 64) {
      throw new RangeError(`Service CIDR ${text}: the largest IPv6 range is /64`);
    }
    return cidr;
  });
  if (cidrs.length === 2 && cidrs[0]!.family === cidrs[1]!.family) {
    throw new RangeError('two Service CIDRs must be of different families');
  }
}
