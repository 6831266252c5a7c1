import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#base';
import { createNanoClock, formatRecord, MAX_RECORD, parseRecord, RecordSplitter } from './cri-format.js';
import type { LogOptions } from './log-reader.js';
import { LogStore } from './log-store.js';

const pod = { namespace: 'default', name: 'web', uid: 'u1' };
const all: LogOptions = { follow: false, timestamps: false };

describe('CRI log format', () => {
  it('reads back what it wrote', () => {
    const content = fc
      .uint8Array({ maxLength: 200 })
      .map((bytes) => Buffer.from(bytes.filter((b) => b !== 10)));
    fc.assert(
      fc.property(
        content,
        fc.constantFrom('stdout' as const, 'stderr' as const),
        fc.boolean(),
        (bytes, stream, complete) => {
          const time = '2026-01-01T00:00:00.000000000Z';
          const line = formatRecord({ time, stream, complete, content: bytes });
          expect(parseRecord(line.subarray(0, -1))).toEqual({ time, stream, complete, content: bytes });
        },
      ),
    );
  });

  it('takes no line for a record that is none', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const record = parseRecord(Buffer.from(text));
        if (record !== undefined) expect(['stdout', 'stderr']).toContain(record.stream);
      }),
    );
    expect(parseRecord(Buffer.from('2026 stdin F x'))).toBeUndefined();
    expect(parseRecord(Buffer.from('2026 stdout X x'))).toBeUndefined();
  });

  it('gives back the stream however it was cut into chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 40 })), fc.boolean(), (chunks, newline) => {
        const input = chunks.join('') + (newline ? '\n' : '');
        const splitter = new RecordSplitter('stdout', () => 'T');
        const records = [...chunks, newline ? '\n' : ''].flatMap((chunk) =>
          splitter.push(Buffer.from(chunk)),
        );
        const text = [...records, ...splitter.end()]
          .map((line) => parseRecord(line.subarray(0, -1))!)
          .map(({ content, complete }) => content.toString() + (complete ? '\n' : ''))
          .join('');
        expect(text).toBe(input);
      }),
    );
  });

  it('cuts long lines into partial records', () => {
    const splitter = new RecordSplitter('stdout', () => 'T');
    const records = splitter
      .push(Buffer.from(`${'x'.repeat(MAX_RECORD + 5)}\n`))
      .map((l) => parseRecord(l.subarray(0, -1))!);
    expect(records.map((r) => [r.content.length, r.complete])).toEqual([
      [MAX_RECORD, false],
      [5, true],
    ]);
  });

  it('has times that never repeat or go back, even when the clock does', () => {
    const readings = [1000, 1000, 999, 1001];
    const next = createNanoClock(() => readings.shift()!);
    const times = [next(), next(), next(), next()];
    expect([...times].sort()).toEqual(times);
    expect(new Set(times).size).toBe(4);
    expect(times[0]).toBe('1970-01-01T00:00:01.000000000Z');
  });
});

describe('log store', () => {
  let directory: string;
  let now: number;
  let store: LogStore;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'kubesvc-logs-'));
    now = Date.UTC(2026, 0, 1);
    store = new LogStore({ directory, maxBytes: 500, maxFiles: 3, now: () => now, logger: silentLogger });
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  async function read(
    options: LogOptions,
    attempt = 0,
    signal = new AbortController().signal,
  ): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of store.read(pod, 'main', attempt, options, signal)) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }
  async function write(
    lines: [text: string, stream: 'stdout' | 'stderr', at: number][],
    attempt = 0,
  ): Promise<void> {
    const writer = store.writer(pod, 'main', attempt);
    for (const [text, stream, at] of lines) {
      now = at;
      const pipe = new PassThrough();
      const done = writer.consume(pipe, stream);
      pipe.end(text);
      await done;
    }
    await writer.close();
  }
  const t = Date.UTC(2026, 0, 1);

  it('answers an empty log for a container that has written nothing', async () =>
    expect(await read(all)).toBe(''));

  it('filters by tail, time, stream and bytes, and shows times', async () => {
    await write([
      ['one\n', 'stdout', t],
      ['two\n', 'stderr', t + 1000],
      ['three\n', 'stdout', t + 2000],
    ]);
    expect(await read(all)).toBe('one\ntwo\nthree\n');
    expect(await read({ ...all, tailLines: 2 })).toBe('two\nthree\n');
    expect(await read({ ...all, tailLines: 0 })).toBe('');
    expect(await read({ ...all, tailLines: 99 })).toBe('one\ntwo\nthree\n');
    expect(await read({ ...all, since: t + 1000 })).toBe('two\nthree\n');
    expect(await read({ ...all, stream: 'stderr' })).toBe('two\n');
    expect(await read({ ...all, limitBytes: 5 })).toBe('one\nt');
    expect(await read({ ...all, timestamps: true, tailLines: 1 })).toBe(
      '2026-01-01T00:00:02.000000000Z three\n',
    );
  });

  it('keeps a last line without a newline as it is', async () => {
    await write([['no newline', 'stdout', t]]);
    expect(await read(all)).toBe('no newline');
  });

  it('follows until the container ends, also across a rotation', async () => {
    const writer = store.writer(pod, 'main', 0);
    const pipe = new PassThrough();
    const consumed = writer.consume(pipe, 'stdout');
    const following = read({ ...all, follow: true });
    const wanted: string[] = [];
    for (let i = 0; i < 40; i++) {
      now += 1000;
      const line = `line ${i} ${'x'.repeat(20)}\n`;
      wanted.push(line);
      const version = writer.version;
      pipe.write(line);
      while (writer.version === version)
        await new Promise((resolve) => writer.once('written', resolve as () => void));
      // The reader sees every file before it is removed.
      await new Promise((resolve) => setImmediate(resolve));
    }
    pipe.end();
    await consumed;
    await writer.close();
    expect(await following).toBe(wanted.join(''));
    const files = await readdir(join(store.podDirectory(pod), 'main'));
    expect(files.length).toBeLessThanOrEqual(3);
    expect(files).toContain('0.log');
  });

  it('stops following when the reader goes away', async () => {
    const writer = store.writer(pod, 'main', 0);
    const abort = new AbortController();
    const following = read({ ...all, follow: true }, 0, abort.signal);
    abort.abort();
    expect(await following).toBe('');
    await writer.close();
  });

  it('keeps the newest two attempts', async () => {
    for (const attempt of [0, 1, 2]) {
      await write([[`attempt ${attempt}\n`, 'stdout', t]], attempt);
      store.prune(pod, 'main', attempt);
    }
    expect(await read(all, 0)).toBe('');
    expect(await read(all, 1)).toBe('attempt 1\n');
    expect(await read(all, 2)).toBe('attempt 2\n');
  });

  it('removes the logs of pods that are gone', async () => {
    await write([['x\n', 'stdout', t]]);
    await store.removeOthers(new Set(['u1']));
    expect(await readdir(directory)).toHaveLength(1);
    await store.removeOthers(new Set());
    expect(await readdir(directory)).toHaveLength(0);
  });

  it('takes the end of the content for a termination message', async () => {
    await write([['a\nb\nc\n', 'stdout', t]]);
    expect(await store.tail(store.path(pod, 'main', 0), 2, 100)).toBe('b\nc\n');
    expect(readFileSync(store.path(pod, 'main', 0), 'utf8')).toContain(' stdout F a\n');
  });
});
