// Fills a small file system and frees it again; prints one JSON line. Started by store-crash.test.ts with the
// directory as argument, inside a mount namespace of its own.
import { silentLogger } from '#base';
import { createLmdbStore, type StoreError } from '#storage';

const store = await createLmdbStore({ directory: process.argv[2]!, logger: silentLogger });
await store.start();

const put = async (key: string, size: number): Promise<string> => {
  try {
    const value = Buffer.alloc(size, 7);
    const answer = await store.txn([], [{ op: 'put', key, value }]);
    return answer.ok ? 'ok' : 'refused';
  } catch (error) {
    return (error as StoreError).code;
  }
};

let written = 0;
let outcome = 'ok';
for (; written < 5_000; written++) {
  outcome = await put(`/k${written % 10}`, 20_000);
  if (outcome !== 'ok') break;
}
const revision = await store.revision();
const read = (await store.get('/k0')).kv?.value.length;
const again = await put('/k0', 20_000);
const compacted = await store.compact(revision).then(
  () => 'ok',
  (error: StoreError) => error.code,
);
const afterwards = await put('/k0', 20_001);
await store.stop();
const reopened = await createLmdbStore({ directory: process.argv[2]!, logger: silentLogger });
await reopened.start();
const after = { revision: await reopened.revision(), length: (await reopened.get('/k0')).kv?.value.length };
await reopened.stop();
process.stdout.write(
  `${JSON.stringify({ written, outcome, read, again, compacted, afterwards, revision, after })}\n`,
);
