import type { NodeSettings } from '../contract.js';
import type { DesiredService } from '../state/desired.js';
import { FullLoad } from './full-load.js';
import { createTable } from './names.js';
import { TableState } from './table.js';

/** The script that a proxy would load into an empty kernel for this state (`--dry-run`, tracing, golden tests). */
export function* renderNftables(
  services: Iterable<DesiredService>,
  settings: NodeSettings,
): Generator<string> {
  yield createTable(settings.family);
  const load = new FullLoad(settings, '', new Map());
  const state = new TableState(settings, '');
  for (const service of services) state.load(service, load);
  yield* load.finish();
}
