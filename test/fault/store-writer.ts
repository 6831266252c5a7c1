// Writes until it is killed, and says so after each acknowledgement: `<worker> <n> <revision>`.
// Started by store-crash.test.ts with the directory as argument.
import { silentLogger } from '#base';
import { createLmdbStore } from '#storage';

const store = await createLmdbStore({ directory: process.argv[2]!, logger: silentLogger });
await store.start();
process.stdout.write('ready\n');

async function work(worker: number): Promise<void> {
  for (let n = 0; ; n++) {
    const value = Buffer.from(`${worker}:${n}:`.padEnd(200 + ((n * 37) % 3000), 'x'));
    const { revision } = await store.txn(
      [],
      [
        { op: 'put', key: `/w/${worker}/${n % 50}`, value },
        { op: 'put', key: `/last/${worker}`, value: Buffer.from(String(n)) },
        // There after every even write, gone after every odd one.
        n % 2 === 0 ? { op: 'put', key: `/even/${worker}`, value } : { op: 'delete', key: `/even/${worker}` },
      ],
    );
    process.stdout.write(`${worker} ${n} ${revision}\n`);
    if (worker === 0 && n % 40 === 39) await store.compact(revision - 5);
  }
}

await Promise.all(Array.from({ length: 8 }, (_, worker) => work(worker)));
