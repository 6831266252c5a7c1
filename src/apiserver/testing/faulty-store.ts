import { type Store, StoreError, type TxnCondition, type TxnOp, type TxnResult } from '#storage';

/** How a write fails: lost, or carried out with its answer lost; once, or with every later one (the process is dead). */
export interface Fault {
  /** Counts the writes that matter, from 1. */
  nth: number;
  /** Only writes to keys that begin like this matter. */
  prefix?: string;
  when: 'before' | 'after';
  dies: boolean;
}

/** A store whose n-th write to certain keys fails as a network or a crash makes it fail. */
export class FaultyStore implements Store {
  readonly #inner: Store;
  readonly #prefixes: string[];
  #fault: Fault | undefined;
  #seen = 0;
  #dead = false;

  constructor(inner: Store, prefixes: string[]) {
    this.#inner = inner;
    this.#prefixes = prefixes;
  }

  arm(fault: Fault | undefined): void {
    this.#fault = fault;
    this.#seen = 0;
  }

  /** Nothing gets through any more. */
  get dead(): boolean {
    return this.#dead;
  }

  async txn(conditions: TxnCondition[], ops: TxnOp[]): Promise<TxnResult> {
    if (this.#dead) throw new StoreError('Unavailable', 'dead');
    const fault = this.#fault;
    const prefixes = fault?.prefix === undefined ? this.#prefixes : [fault.prefix];
    const matters = ops.some(({ key }) => prefixes.some((prefix) => key.startsWith(prefix)));
    if (!matters || fault === undefined || ++this.#seen !== fault.nth)
      return this.#inner.txn(conditions, ops);
    this.#dead = fault.dies;
    if (fault.when === 'after') await this.#inner.txn(conditions, ops);
    throw new StoreError('Unavailable', 'the answer was lost');
  }

  start = () => this.#inner.start();
  stop = () => this.#inner.stop();
  get: Store['get'] = (key, options) => this.#inner.get(key, options);
  range: Store['range'] = (start, end, options) => this.#inner.range(start, end, options);
  watch: Store['watch'] = (start, end, options) => this.#inner.watch(start, end, options);
  requestProgress: Store['requestProgress'] = (watch) => this.#inner.requestProgress(watch);
  revision = () => this.#inner.revision();
  compact: Store['compact'] = (revision) => this.#inner.compact(revision);
  size = () => this.#inner.size();
}
