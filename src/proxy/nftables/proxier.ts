import type { Clock, Logger } from '#base';
import { createNft, type Nft, type Programs } from '#host';
import {
  ModeUnavailableError,
  type NodeSettings,
  type Proxier,
  type ServiceChange,
  type SyncReport,
} from '../contract.js';
import type { Family } from '../state/addresses.js';
import type { DesiredService } from '../state/desired.js';
import { addFacts, type NamedObject } from './facts.js';
import { TableWatch } from './monitor.js';
import { LAYOUT, nftFamily, TABLE } from './names.js';
import { putBase, TableState } from './table.js';
import { Transaction } from './transaction.js';

export interface NftablesOptions {
  family: Family;
  programs: Programs;
  logger: Logger;
  clock: Clock;
}

/** Upstream requires nft 1.0.1; the maps here are proved with 1.0.6. */
const OLDEST_PATCH = 6;

/** Rendering pauses after this long, so that health checks and watches are served meanwhile. */
const SLICE_MS = 10;

/** Objects in the kernel's table, by name. */
type Existing = Map<string, NamedObject['kind']>;

/** The nftables mode (upstream pkg/proxy/nftables); `docs/proxy.md` explains the layout. */
export class NftablesProxier implements Proxier {
  readonly mode = 'nftables';
  readonly family: Family;
  readonly #nft: Nft;
  readonly #logger: Logger;
  readonly #options: NftablesOptions;
  #state: TableState | undefined;
  #failures = 0;
  #watch: TableWatch | undefined;
  /** Counts beginnings and ends of commits. */
  #commits = 0;

  constructor(options: NftablesOptions) {
    this.#options = options;
    this.family = options.family;
    this.#nft = createNft(options.programs);
    this.#logger = options.logger;
  }

  async preflight(): Promise<void> {
    const text = await this.#nft.version().catch((error: Error) => {
      throw new ModeUnavailableError('nftables', `the nft program does not run (${error.message})`);
    });
    const [major, minor, patch] = (/v(\d+)\.(\d+)\.(\d+)/.exec(text) ?? []).slice(1).map(Number);
    const isOld = major === 0 || (major === 1 && minor === 0 && patch! < OLDEST_PATCH);
    if (isOld)
      throw new ModeUnavailableError('nftables', `${text.trim()} is older than v1.0.${OLDEST_PATCH}`);
  }

  async resync(services: Iterable<DesiredService>, settings: NodeSettings): Promise<SyncReport> {
    const tx = new Transaction(this.family);
    const existing = await this.#prepare(tx);
    const state = new TableState(settings);
    const wanted = putBase(tx, settings, new Set(existing.keys()));
    let pause = Date.now() + SLICE_MS;
    for (const service of services) {
      addFacts(state.load(service), wanted, tx);
      if (Date.now() < pause) continue;
      await new Promise((resolve) => setImmediate(resolve));
      pause = Date.now() + SLICE_MS;
    }
    for (const [name, kind] of existing) if (!wanted.has(name)) state.adoptRetired(name, kind);
    await this.#commitAll(tx, state);
    return { full: true, operations: tx.operations };
  }

  async apply(changes: Iterable<ServiceChange>): Promise<SyncReport> {
    const state = this.#state;
    if (state === undefined) throw new Error('apply before a successful resync');
    const tx = new Transaction(this.family);
    for (const { key, desired } of changes) state.change(key, desired, tx);
    if (!tx.isEmpty) await this.#commit(tx);
    return { full: false, operations: tx.operations };
  }

  async tidy(): Promise<void> {
    const tx = new Transaction(this.family);
    this.#state?.deleteRetired(this.#state.retired(), tx);
    if (!tx.isEmpty) await this.#commit(tx);
  }

  get needsTidying(): boolean {
    return this.#state !== undefined && this.#state.retired().length > 0;
  }

  async watchForeignChanges(onChange: (what: string) => void): Promise<() => Promise<void>> {
    const { clock } = this.#options;
    const family = nftFamily(this.family);
    const verify = () => this.#findDamage();
    const watch = new TableWatch({
      nft: this.#nft,
      family,
      table: TABLE,
      clock,
      logger: this.#logger,
      onChange,
      verify,
    });
    this.#watch = watch;
    await watch.start();
    return async () => {
      this.#watch = undefined;
      await watch.stop();
    };
  }

  /** Compares the kernel's objects with those that should be there. */
  async #findDamage(): Promise<string | undefined> {
    const state = this.#state;
    if (state === undefined) return undefined;
    const commits = this.#commits;
    const text = await this.#nft.describeTable(nftFamily(this.family), TABLE);
    // A commit of ours in between makes the comparison meaningless; the next check will do.
    if (commits !== this.#commits) return undefined;
    if (text === undefined) return 'the table is gone';
    const existing = parseObjects(text);
    for (const name of state.objectNames()) if (!existing.has(name)) return `${name} is gone`;
    return undefined;
  }

  /** Readies the table for a full load; after a failed load, or for another layout, it starts from nothing. */
  async #prepare(tx: Transaction): Promise<Existing> {
    const text = await this.#nft.describeTable(nftFamily(this.family), TABLE);
    const create = `add table % { comment "${LAYOUT}" ; }`;
    const usable = text?.includes(`comment "${LAYOUT}"`) === true && this.#failures === 0;
    if (text !== undefined && !usable) {
      this.#logger.info('replacing the table', { family: this.family, failures: this.#failures });
      tx.first('delete table %');
    }
    if (!usable) {
      tx.first(create);
      return new Map();
    }
    tx.first('flush table %');
    return parseObjects(text);
  }

  async #commit(tx: Transaction): Promise<void> {
    this.#commits++;
    if (tx.touchesChains) this.#watch?.expect(1);
    try {
      await this.#nft.load(tx.lines());
      this.#failures = 0;
    } catch (error) {
      if (tx.touchesChains) this.#watch?.expect(-1);
      this.#failures++;
      this.#state = undefined;
      throw error;
    } finally {
      this.#commits++;
    }
  }

  /** A full load makes more events than the monitor can read: it pauses meanwhile. */
  async #commitAll(tx: Transaction, state: TableState): Promise<void> {
    const watch = this.#watch;
    await watch?.stop();
    await this.#commit(tx);
    this.#state = state;
    if (watch !== undefined && this.#watch === watch) await watch.start();
  }
}

/** Names and kinds of the objects in a table's listing. */
function parseObjects(listing: string): Existing {
  const found: Existing = new Map();
  for (const [, kind, name] of listing.matchAll(/^\t(chain|set|map) (\S+) \{/gm)) {
    found.set(name!, kind as NamedObject['kind']);
  }
  return found;
}

/** Removes our tables of both families. */
export async function cleanupNftables(programs: Programs): Promise<void> {
  const nft = createNft(programs);
  const mine = (await nft.tables()).filter((table) => table === `ip ${TABLE}` || table === `ip6 ${TABLE}`);
  await nft.load(mine.map((table) => `delete table ${table}`));
}
