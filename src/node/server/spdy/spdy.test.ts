import { Duplex, PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { SpdyConnection, type SpdyStream } from './connection.js';
import { headerDictionary } from './dictionary.js';
import { controlFrame, dataFrame, FLAG_FIN, FrameParser, FrameType, words } from './frames.js';
import { decodeHeaders, encodeHeaders, HeaderCodec, SpdyError } from './header-codec.js';

function adler32(bytes: Buffer): string {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return (((b << 16) | a) >>> 0).toString(16);
}

describe('header dictionary', () => {
  it('has the length and checksum that every SPDY/3 peer expects', () => {
    expect(headerDictionary()).toHaveLength(1423);
    expect(adler32(headerDictionary())).toBe('e3c6a7c2');
  });
});

describe('header blocks', () => {
  const headers = fc.dictionary(
    fc.stringMatching(/^[a-z-]{1,20}$/),
    fc.array(fc.stringMatching(/^[ -~]*$/), { minLength: 1, maxLength: 3 }),
  );

  it('read back what was written', () => {
    fc.assert(
      fc.property(headers, (map) => {
        expect({ ...decodeHeaders(encodeHeaders(map)) }).toEqual({ ...map });
      }),
    );
  });

  it('refuse garbage with SpdyError and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeHeaders(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(SpdyError);
        }
      }),
    );
  });

  it('go through compression whose state lasts for the connection', async () => {
    const [sender, receiver] = [new HeaderCodec(), new HeaderCodec()];
    for (const i of [1, 2, 3]) {
      const map = { streamtype: ['data'], port: [String(i)] };
      expect(await receiver.decompress(await sender.compress(map))).toEqual(map);
    }
    sender.close();
    receiver.close();
  });

  it('refuse a compressed block that is none', async () => {
    const codec = new HeaderCodec();
    await expect(codec.decompress(Buffer.from('nonsense'))).rejects.toThrow(SpdyError);
    codec.close();
  });
});

describe('frames', () => {
  it('come out the same however the bytes were cut', () => {
    const frame = fc.record({
      id: fc.integer({ min: 1, max: 0x7fffffff }),
      fin: fc.boolean(),
      data: fc.uint8Array({ maxLength: 50 }),
    });
    fc.assert(
      fc.property(fc.array(frame), fc.integer({ min: 1, max: 17 }), (frames, size) => {
        const bytes = Buffer.concat(frames.map(({ id, fin, data }) => dataFrame(id, fin, Buffer.from(data))));
        const parser = new FrameParser();
        const out = [];
        for (let at = 0; at < bytes.length; at += size)
          out.push(...parser.push(bytes.subarray(at, at + size)));
        expect(out).toEqual(
          frames.map(({ id, fin, data }) => ({ kind: 'data', streamId: id, fin, data: Buffer.from(data) })),
        );
      }),
    );
  });

  it('of another version are refused', () => {
    const other = controlFrame(FrameType.ping, 0, words(1));
    other.writeUInt16BE(0x8002, 0);
    expect(() => new FrameParser().push(other)).toThrow(SpdyError);
  });
});

/** Two ends of an in-memory connection. */
function pair(): [Duplex, Duplex] {
  const [left, right] = [new PassThrough(), new PassThrough()];
  return [Duplex.from({ readable: left, writable: right }), Duplex.from({ readable: right, writable: left })];
}

describe('connection', () => {
  const open: SpdyConnection[] = [];
  afterEach(() => {
    for (const connection of open.splice(0)) connection.close();
  });
  function connect(): {
    connection: SpdyConnection;
    client: Duplex;
    codec: HeaderCodec;
    frames: () => ReturnType<FrameParser['push']>;
  } {
    const [server, client] = pair();
    const connection = new SpdyConnection(server, Buffer.alloc(0));
    open.push(connection);
    const parser = new FrameParser();
    const frames: ReturnType<FrameParser['push']> = [];
    client.on('data', (chunk: Buffer) => frames.push(...parser.push(chunk)));
    client.on('error', () => {});
    return { connection, client, codec: new HeaderCodec(), frames: () => frames };
  }
  async function openStream(
    parts: ReturnType<typeof connect>,
    id: number,
    headers: Record<string, string[]>,
  ): Promise<SpdyStream> {
    const opened = new Promise<SpdyStream>((resolve) => parts.connection.once('stream', resolve));
    const block = await parts.codec.compress(headers);
    parts.client.write(
      controlFrame(FrameType.synStream, 0, Buffer.concat([words(id, 0), Buffer.alloc(2), block])),
    );
    return opened;
  }
  const text = (stream: SpdyStream) =>
    new Promise<string>((resolve) => {
      let all = '';
      stream.on('data', (chunk) => {
        all += String(chunk);
      });
      stream.once('end', () => resolve(all));
    });

  it('gives streams their headers and data, and replies', async () => {
    const parts = connect();
    const stream = await openStream(parts, 1, { streamtype: ['stdin'] });
    expect(stream.header('streamtype')).toBe('stdin');
    parts.client.write(
      Buffer.concat([dataFrame(1, false, Buffer.from('hel')), dataFrame(1, true, Buffer.from('lo'))]),
    );
    expect(await text(stream)).toBe('hello');
    await new Promise<void>((resolve) => stream.end('answer', resolve));
    const kinds = parts
      .frames()
      .map((f) => (f.kind === 'data' ? `data ${f.data}${f.fin ? ' fin' : ''}` : `control ${f.type}`));
    expect(kinds).toEqual([`control ${FrameType.synReply}`, 'data answer', 'data  fin']);
  });

  it("answers the client's pings and keeps quiet about its own", async () => {
    const parts = connect();
    parts.client.write(
      Buffer.concat([controlFrame(FrameType.ping, 0, words(2)), controlFrame(FrameType.ping, 0, words(7))]),
    );
    await new Promise((resolve) => parts.client.once('data', resolve));
    expect(parts.frames()).toEqual([{ kind: 'control', type: FrameType.ping, flags: 0, payload: words(7) }]);
  });

  it('resets a stream that is destroyed before it has ended', async () => {
    const parts = connect();
    const stream = await openStream(parts, 3, {});
    stream.destroy();
    while (parts.frames().length < 2) await new Promise((resolve) => parts.client.once('data', resolve));
    expect(parts.frames()[1]).toMatchObject({ type: FrameType.rstStream, payload: words(3, 5) });
  });

  it('ends its streams when the client breaks the protocol', async () => {
    const parts = connect();
    const stream = await openStream(parts, 1, {});
    const closed = new Promise<void>((resolve) => parts.connection.once('close', resolve));
    const broken = controlFrame(FrameType.ping, FLAG_FIN, words(1));
    broken.writeUInt16BE(0x8001, 0);
    parts.client.write(broken);
    await closed;
    expect(stream.destroyed).toBe(true);
  });

  it('survives any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        const parts = connect();
        parts.client.write(Buffer.from(bytes));
        await new Promise((resolve) => setImmediate(resolve));
        parts.connection.close();
      }),
      { numRuns: 50 },
    );
  });
});
