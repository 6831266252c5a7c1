import type { NodeSettings } from '../contract.js';
import type { TestCluster } from './cluster.js';
import { type Flow, testSettings } from './flows.js';

export interface ModeFlow extends Flow {
  /** What iptables does where upstream's two modes differ; '' is untouched. */
  iptables?: string | Pick<Flow, 'output' | 'masq'>;
  /** What ipvs does where it differs from both, as upstream's. */
  ipvs?: Pick<Flow, 'output' | 'masq'>;
  /** What the userspace mode does where sockets differ from rules. */
  userspace?: string;
}

/** Flows through one cluster: traced through rules, and sent as real connections where a mode has no rules. */
export interface FlowTable {
  title: string;
  cluster: TestCluster;
  flows: ModeFlow[];
  settings: NodeSettings;
}

export function table(
  title: string,
  cluster: TestCluster,
  flows: ModeFlow[],
  settings = testSettings(),
): FlowTable {
  return { title, cluster, flows, settings };
}
