import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreError } from '../errors.js';
import { type LogRecord, SEGMENT_BYTES } from './wal-segment.js';
import { WriteAheadLog } from './write-ahead-log.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kubesvc-wal-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** What stands behind the log, as LMDB does: it takes everything or nothing. */
class Behind {
  readonly records: LogRecord[] = [];
  drained = 0;
  full = false;

  async take(records: LogRecord[], generation: number): Promise<void> {
    await Promise.resolve();
    if (this.full) throw new StoreError('NoSpace', 'full');
    this.records.push(...records.map(({ revision, record }) => ({ revision, record: Buffer.from(record) })));
    this.drained = generation;
  }

  open(directory: string) {
    return WriteAheadLog.open(
      directory,
      this.drained,
      (records, generation) => this.take(records, generation),
      () => undefined,
    );
  }

  copy(): Behind {
    const copy = new Behind();
    copy.records.push(...this.records);
    copy.drained = this.drained;
    return copy;
  }
}

const revisions = (records: LogRecord[]) => records.map(({ revision }) => revision);
const record = (revision: number, size = 100): LogRecord => ({
  revision,
  record: Buffer.alloc(size, revision % 251),
});

describe('WriteAheadLog', () => {
  it('has every record once, in order, whenever it is left and whatever drains fail', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('append'),
          sizes: fc.array(fc.nat(150_000), { minLength: 1, maxLength: 3 }),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constantFrom('drain', 'full', 'room', 'crash', 'close'),
          sizes: fc.constant([]),
        }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const directory = mkdtempSync(join(root, 'run-'));
        const behind = new Behind();
        let { log } = behind.open(directory);
        let revision = 0;
        const acked: LogRecord[] = [];
        const reopen = () => {
          const opened = behind.open(directory);
          log = opened.log;
          const all = [...behind.records, ...opened.pending];
          expect(revisions(all)).toEqual(revisions(acked));
          expect(all.every(({ record: bytes }, i) => bytes.equals(acked[i]!.record))).toBe(true);
        };
        for (const { kind, sizes } of steps) {
          if (kind === 'full') behind.full = true;
          if (kind === 'room') behind.full = false;
          if (kind === 'drain') await log.drainAll(false).catch(() => undefined);
          if (kind === 'crash') {
            log.abandon();
            reopen();
          }
          if (kind === 'close' && !behind.full) {
            await log.drainAll(false);
            log.close();
            reopen();
          }
          if (kind !== 'append') continue;
          const records = sizes.map((size, i) => record(revision + 1 + i, size + 1));
          try {
            await log.append(records, false);
            revision += records.length;
            acked.push(...records);
          } catch (error) {
            expect(error).toMatchObject({ code: 'NoSpace' });
          }
        }
        behind.full = false;
        await log.drainAll(false);
        log.close();
        expect(revisions(behind.records)).toEqual(revisions(acked));
        rmSync(directory, { recursive: true });
      }),
      { numRuns: 40 },
    );
  });

  it('leaves out what a rewrite drops', async () => {
    const behind = new Behind();
    const { log } = behind.open(root);
    await log.append([record(1), record(2), record(3)], false);
    await log.rewrite((one) => (one.revision === 2 ? undefined : one));
    await log.drainAll(false);
    log.close();
    expect(revisions(behind.records)).toEqual([1, 3]);
  });

  it('takes a frame that was cut short for the end, and nothing of an earlier generation behind it', async () => {
    const behind = new Behind();
    const own = join(root, 'own');
    const image = join(root, 'image');
    mkdirSync(own);
    const { log } = behind.open(own);
    for (const count of [6, 3]) {
      for (let i = 0; i < count; i++) await log.append([record(i)], false);
      await log.drainAll(false);
    }
    // The first segment again: what it held before is still behind these.
    for (const revision of [10, 11, 12]) await log.append([record(revision)], false);
    const frame = 16 + 12 + 100;
    for (const damage of [0, 5, 16, frame - 1]) {
      cpSync(own, image, { recursive: true });
      flip(newest(image), 2 * frame + damage);
      const { log: after, pending } = behind.copy().open(image);
      expect(revisions(pending)).toEqual([10, 11]);
      after.abandon();
      rmSync(image, { recursive: true });
    }
    log.abandon();
  });

  it('says Corrupt for damage before the end, and not for damage in what is done with', async () => {
    const behind = new Behind();
    const { log } = behind.open(root);
    for (let i = 1; i <= 3; i++) await log.append([record(i)], false);
    const before = behind.copy();
    await log.drainAll(false);
    log.abandon();
    flip(newest(root), 20);
    expect(() => before.open(root)).toThrow(expect.objectContaining({ code: 'Corrupt' }));
    const { log: after, pending } = behind.open(root);
    expect(pending).toEqual([]);
    after.abandon();
  });

  it('refuses nothing that fits half a segment', async () => {
    const behind = new Behind();
    const { log } = behind.open(root);
    const large = [record(1, SEGMENT_BYTES / 2 - 64)];
    expect(log.takes(large)).toBe(true);
    expect(log.takes([record(1, SEGMENT_BYTES / 2)])).toBe(false);
    for (let i = 0; i < 5; i++) await log.append([record(i + 1, SEGMENT_BYTES / 2 - 64)], false);
    await log.drainAll(false);
    log.close();
    expect(behind.records).toHaveLength(5);
  });
});

/** The segment with the higher generation. */
function newest(directory: string): string {
  const paths = ['wal-0', 'wal-1'].map((name) => join(directory, name));
  const [a, b] = paths.map((path) => readFileSync(path).readDoubleLE(8)) as [number, number];
  return paths[a > b ? 0 : 1]!;
}

function flip(path: string, offset: number): void {
  const byte = readFileSync(path)[offset]!;
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.of(byte ^ 0x55), 0, 1, offset);
  closeSync(fd);
}
