import type { Clock, Logger } from '#base';
import { createNft, createNftSession, type Nft, type NftSession, type Programs } from '#host';
import {
  type ConnectionCount,
  type CountDetail,
  ModeUnavailableError,
  type NodeSettings,
  type Proxier,
  type ServiceChange,
  type SyncReport,
} from '../contract.js';
import type { Family } from '../state/addresses.js';
import type { DesiredService } from '../state/desired.js';
import { paced } from '../state/paced.js';
import { CountReader } from './counts.js';
import type { NamedObject } from './facts.js';
import { type Existing, FullLoad } from './full-load.js';
import { TableWatch } from './monitor.js';
import { createTable, type Generation, LAYOUT, nftFamily, TABLE } from './names.js';
import { TableState } from './table.js';
import { Transaction } from './transaction.js';

export interface NftablesOptions {
  family: Family;
  programs: Programs;
  logger: Logger;
  clock: Clock;
}

/** Upstream requires nft 1.0.1; the maps here are proved with 1.0.6. */
const OLDEST_PATCH = 6;

/** Operations per stage of a full load: the first is small, so that the kernel has something to do early. */
const FIRST_STAGE = 4000;
const STAGE = 20_000;

/** The table as the kernel has it. */
interface Found {
  objects: Existing;
  /** The generation that rules refer to; undefined when nothing is in force. */
  generation: Generation | undefined;
  /** Commands that ready the table for a load. */
  head: string[];
  /** Whether the load must be one transaction: the table that is in force goes away in it. */
  isReplaced: boolean;
}

/** The nftables mode (upstream pkg/proxy/nftables); `docs/proxy.md` explains the layout. */
export class NftablesProxier implements Proxier {
  readonly mode = 'nftables';
  readonly family: Family;
  readonly #nft: Nft;
  readonly #session: NftSession;
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
    this.#session = createNftSession(options.programs, this.#nft, options.clock);
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

  /** A full load makes more events than the monitor can read: it pauses meanwhile. */
  async resync(services: Iterable<DesiredService>, settings: NodeSettings): Promise<SyncReport> {
    const watch = this.#watch;
    await watch?.stop();
    const operations = await this.#loadAll(services, settings);
    if (watch !== undefined && this.#watch === watch) await watch.start();
    return { full: true, operations };
  }

  async #loadAll(services: Iterable<DesiredService>, settings: NodeSettings): Promise<number> {
    this.#state = undefined;
    const found = await this.#find();
    const generation = found.generation === '' ? '-b' : '';
    const state = new TableState(settings, generation);
    const load = new FullLoad(settings, generation, found.objects);
    const stages: Iterable<string>[] = [found.head];
    let committed = Promise.resolve();
    let limit = FIRST_STAGE;
    for await (const service of paced(services)) {
      state.load(service, load);
      if (load.staged < limit || found.isReplaced) continue;
      limit = STAGE;
      stages.push(load.takeStage());
      // The kernel takes one stage while the next is being written.
      await committed;
      committed = this.#commit(this.#nft, chain(stages.splice(0)), true);
      committed.catch(() => {});
    }
    await committed;
    await this.#commit(this.#nft, chain([...stages, load.finish()]), true);
    await this.#commit(this.#nft, load.afterwards(), false);
    for (const [name, kind] of load.unneeded()) state.adoptRetired(name, kind);
    this.#state = state;
    this.#failures = 0;
    return load.operations;
  }

  async apply(changes: Iterable<ServiceChange>): Promise<SyncReport> {
    const state = this.#state;
    if (state === undefined) throw new Error('apply before a successful resync');
    const tx = new Transaction(this.family);
    for (const { key, desired } of changes) state.change(key, desired, tx);
    await this.#change(tx);
    this.#failures = 0;
    return { full: false, operations: tx.operations };
  }

  async tidy(): Promise<void> {
    const tx = new Transaction(this.family);
    this.#state?.deleteRetired(this.#state.retired(), tx);
    await this.#change(tx);
  }

  get needsTidying(): boolean {
    return this.#state !== undefined && this.#state.retired().length > 0;
  }

  async stop(): Promise<void> {
    await this.#session.close();
  }

  async connectionCounts(detail: CountDetail): Promise<ConnectionCount[]> {
    const state = this.#state;
    if (state === undefined) return [];
    const reader = new CountReader(this.family, state.generation, state.services);
    return reader.parse(await this.#nft.listObjects(reader.objects(detail)), detail);
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

  /** What the kernel holds. A table of another layout, or one that two loads failed to repair, is replaced. */
  async #find(): Promise<Found> {
    const family = nftFamily(this.family);
    const text = await this.#nft.describeTable(family, TABLE);
    const create = createTable(this.family);
    if (text === undefined) {
      return { objects: new Map(), generation: undefined, head: [create], isReplaced: false };
    }
    if (text.includes(`comment "${LAYOUT}"`) && this.#failures < 2) {
      const inUse = /vmap @service-ips(-b)?$/m.exec(text);
      const generation = inUse === null ? undefined : ((inUse[1] ?? '') as Generation);
      return { objects: parseObjects(text), generation, head: [], isReplaced: false };
    }
    this.#logger.info('replacing the table', { family: this.family, failures: this.#failures });
    const head = [`delete table ${family} ${TABLE}`, create];
    return { objects: new Map(), generation: undefined, head, isReplaced: true };
  }

  async #change(tx: Transaction): Promise<void> {
    for (const { lines, touchesChains } of tx.phases()) {
      await this.#commit(this.#session, lines, touchesChains);
    }
  }

  async #commit(by: Pick<Nft, 'load'>, lines: Iterable<string>, touchesChains: boolean): Promise<void> {
    this.#commits++;
    if (touchesChains) this.#watch?.expect(1);
    try {
      await by.load(lines);
    } catch (error) {
      if (touchesChains) this.#watch?.expect(-1);
      this.#failures++;
      this.#state = undefined;
      throw error;
    } finally {
      this.#commits++;
    }
  }
}

function* chain(parts: Iterable<string>[]): Generator<string> {
  for (const part of parts) yield* part;
}

/** Names and kinds of the objects in a table's listing. */
function parseObjects(listing: string): Existing {
  const found = new Map<string, NamedObject['kind']>();
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
