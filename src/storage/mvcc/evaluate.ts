import { StoreError } from '../errors.js';
import type { KeyValue, TxnCondition, TxnOp, TxnResult } from '../store.js';
import type { Change, Commit } from './change.js';

/** etcd's default for --max-request-bytes: what fits here can move there. */
const MAX_TXN_BYTES = 1.5 * 1024 * 1024;
/** etcd's default for --max-txn-ops. */
const MAX_TXN_OPS = 128;

/** Refuses what etcd would refuse: too many or too large operations, or two on one key. */
export function checkTxn(conditions: TxnCondition[], ops: TxnOp[]): void {
  if (ops.length > MAX_TXN_OPS || conditions.length > MAX_TXN_OPS) {
    throw new StoreError('TooLarge', `too many operations in txn request (limit ${MAX_TXN_OPS})`);
  }
  const keys = new Set<string>();
  let bytes = 0;
  for (const op of ops) {
    if (keys.has(op.key)) throw new RangeError(`duplicate key in txn: ${op.key}`);
    keys.add(op.key);
    bytes += op.key.length + (op.op === 'put' ? op.value.length : 0);
  }
  if (bytes > MAX_TXN_BYTES) {
    throw new StoreError('TooLarge', `request is too large: ${bytes} bytes (limit ${MAX_TXN_BYTES})`);
  }
}

type Lookup = (key: string) => KeyValue | undefined;

/** The failed answer when a condition does not hold, else undefined. */
export function failedConditions(
  conditions: TxnCondition[],
  lookup: Lookup,
  revision: number,
): TxnResult | undefined {
  if (conditions.every((c) => (lookup(c.key)?.modRevision ?? 0) === c.modRevision)) return undefined;
  const keys = new Set(conditions.map((c) => c.key));
  const current = [...keys].map(lookup).filter((kv) => kv !== undefined);
  return { ok: false, revision, current };
}

/** The commit that the operations make at `revision`, or undefined when they change nothing. */
export function commitOf(ops: TxnOp[], lookup: Lookup, revision: number, now: number): Commit | undefined {
  const changes: Change[] = [];
  for (const op of ops) {
    const prev = lookup(op.key);
    if (op.op === 'put') changes.push(putChange(op, prev, revision, now));
    else if (prev !== undefined) changes.push({ key: op.key, prev });
  }
  // Commits are kept for long: the copy has no room to spare, which an array that grew has for sixteen more.
  return changes.length === 0 ? undefined : { revision, changes: changes.slice() };
}

function putChange(
  op: Extract<TxnOp, { op: 'put' }>,
  prev: KeyValue | undefined,
  revision: number,
  now: number,
): Change {
  const kv: KeyValue = {
    key: op.key,
    value: op.value,
    createRevision: prev?.createRevision ?? revision,
    modRevision: revision,
    version: (prev?.version ?? 0) + 1,
  };
  const change: Change = { key: op.key, kv };
  if (prev !== undefined) change.prev = prev;
  if (op.ttlSeconds !== undefined && op.ttlSeconds > 0) change.expiresAt = now + op.ttlSeconds * 1000;
  return change;
}
