import type { NodeSettings } from '../contract.js';
import type { DesiredService } from '../state/desired.js';
import { addFacts } from './facts.js';
import { LAYOUT } from './names.js';
import { putBase, TableState } from './table.js';
import { Transaction } from './transaction.js';

/** The script that a proxy would load into an empty kernel for this state (`--dry-run`, tracing, golden tests). */
export function renderNftables(services: Iterable<DesiredService>, settings: NodeSettings): Iterable<string> {
  const tx = new Transaction(settings.family);
  tx.first(`add table % { comment "${LAYOUT}" ; }`);
  const written = putBase(tx, settings, new Set());
  const state = new TableState(settings);
  for (const service of services) addFacts(state.load(service), written, tx);
  return tx.lines();
}
