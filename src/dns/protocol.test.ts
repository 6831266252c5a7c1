import packet from 'dns-packet';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLab, type Lab, namespace, question, Resources, service, slice, texts } from './testing/lab.js';

const COREFILE = `.:53 {
  kubernetes cluster.local {
    ttl 30
    fallthrough
  }
  any
  loadbalance
}
`;
const WEB = 'web.default.svc.cluster.local';
const MANY = 'many.default.svc.cluster.local';

let lab: Lab;
beforeAll(async () => {
  lab = await createLab(COREFILE, (client) => {
    client.seed(Resources.namespaces, namespace('default'));
    client.seed(Resources.services, service('default/web', ['10.0.0.1']), service('default/many', []));
    client.seed(Resources.services, service('default/few', []));
    const addresses = Array.from({ length: 100 }, (_, i) => ({ addresses: [`10.1.0.${i + 1}`] }));
    client.seed(
      Resources.endpointSlices,
      slice('default/many', addresses),
      slice('default/few', addresses.slice(0, 4)),
    );
  });
});
afterAll(() => lab.stop());

/** A query with some of its header changed. */
function bent(change: (message: Buffer) => void, name = WEB): Buffer {
  const message = question(name, 'A');
  change(message);
  return message;
}
/** An OPT record as bytes. */
function opt(size: number, version = 0, flags = 0, options = Buffer.alloc(0)): Buffer {
  const out = Buffer.alloc(11);
  out[2] = 41;
  out.writeUInt16BE(size, 3);
  out[6] = version;
  out.writeUInt16BE(flags, 7);
  out.writeUInt16BE(options.length, 9);
  return Buffer.concat([out, options]);
}
function withOpt(message: Buffer, ...opts: Buffer[]): Buffer {
  const out = Buffer.concat([message, ...opts]);
  out.writeUInt16BE(opts.length, 10);
  return out;
}
const rcodeOf = (reply: Buffer | undefined) => (reply === undefined ? undefined : reply[3]! & 0xf);

describe('malformed and unusual messages', () => {
  it.each([
    ['shorter than a header', Buffer.alloc(11)],
    ['empty', Buffer.alloc(0)],
    ['a response', bent((m) => m.writeUInt8(m[2]! | 0x80, 2))],
  ])('are not answered when they are %s', async (_title, message) => {
    expect(await lab.raw(message)).toBeUndefined();
  });

  it.each([
    ['IQUERY', 1],
    ['STATUS', 2],
    ['UPDATE', 5],
    ['15', 15],
  ])('get a bare NOTIMP that keeps the opcode: %s', async (_title, opcode) => {
    const reply = await lab.raw(bent((m) => m.writeUInt8(opcode << 3, 2)));
    expect(reply).toHaveLength(12);
    expect([rcodeOf(reply), (reply![2]! >> 3) & 0xf]).toEqual([4, opcode]);
  });

  it.each<[string, Buffer]>([
    ['no question', bent((m) => m.writeUInt16BE(0, 4))],
    ['two questions', bent((m) => m.writeUInt16BE(2, 4))],
    ['two answers', bent((m) => m.writeUInt16BE(2, 6))],
    ['two authorities', bent((m) => m.writeUInt16BE(2, 8))],
    ['three additionals', bent((m) => m.writeUInt16BE(3, 10))],
    ['a label type of old', bent((m) => m.writeUInt8(0x40, 12))],
    ['a pointer to itself', bent((m) => m.writeUInt16BE(0xc00c, 12))],
    ['a pointer ahead', bent((m) => m.writeUInt16BE(0xc0ff, 12))],
    ['a question cut short', question(WEB, 'A').subarray(0, -3)],
    ['two OPT records', withOpt(question(WEB, 'A'), opt(1232), opt(1232))],
    ['options that overrun', withOpt(question(WEB, 'A'), opt(1232, 0, 0, Buffer.from([0, 10, 0, 99])))],
  ])('get a bare FORMERR: %s', async (_title, message) => {
    const reply = await lab.raw(message);
    expect(reply).toHaveLength(12);
    expect(rcodeOf(reply)).toBe(1);
  });

  it('are answered when only garbage follows the question, and when they are NOTIFY', async () => {
    expect(rcodeOf(await lab.raw(Buffer.concat([question(WEB, 'A'), Buffer.from('garbage')])))).toBe(0);
    expect(rcodeOf(await lab.raw(bent((m) => m.writeUInt8(4 << 3, 2))))).toBe(0);
  });

  it('of another class are refused', async () => {
    expect((await lab.ask(WEB, 'A', { class: 'CH' })).rcode).toBe('REFUSED');
  });

  it('get exactly one reply or none, whatever the bytes are', async () => {
    const base = question(WEB, 'A', { udpPayloadSize: 1232 });
    const mutated = fc
      .array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
      .map((edits) => {
        const copy = Buffer.from(base);
        for (const [at, value] of edits) copy[at] = value;
        return copy;
      });
    const any = fc.uint8Array({ maxLength: 80 }).map((a) => Buffer.from(a));
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, any), async (message) => {
        const silent = message.length < 12 || (message[2]! & 0x80) !== 0;
        if (silent) return;
        const reply = await lab.raw(message);
        expect(reply!.readUInt16BE(0)).toBe(message.readUInt16BE(0));
        expect(reply![2]! & 0x80).toBe(0x80);
        if (reply!.length > 12) packet.decode(reply!);
      }),
      { numRuns: 1500 },
    );
  });
});

describe('EDNS', () => {
  it('is absent from replies to queries without it', async () => {
    expect((await lab.ask(WEB, 'A')).additionals).toEqual([]);
  });

  it.each([
    [100, 512],
    [1232, 1232],
    [4096, 4096],
  ])(
    'of size %i is answered with size %i, from the plugins and from the kept replies',
    async (size, echoed) => {
      for (let i = 0; i < 2; i++) {
        const reply = packet.decode((await lab.raw(withOpt(question(WEB, 'A'), opt(size))))!);
        expect(reply.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: echoed, ednsVersion: 0 }]);
      }
    },
  );

  it('of a version that is not 0 is BADVERS', async () => {
    const reply = packet.decode((await lab.raw(withOpt(question(WEB, 'A'), opt(1232, 1))))!);
    const [record] = reply.additionals as unknown as { extendedRcode: number; ednsVersion: number }[];
    expect([record!.extendedRcode, record!.ednsVersion, reply.answers]).toEqual([1, 0, []]);
  });

  it('echoes DO and cookies, and drops the client subnet', async () => {
    const cookie = Buffer.from([0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    const subnet = Buffer.from([0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2]);
    const message = withOpt(question(WEB, 'A'), opt(1232, 0, 0x8000, Buffer.concat([cookie, subnet])));
    const reply = (await lab.raw(message))!;
    expect(reply.includes(cookie)).toBe(true);
    expect(reply.includes(subnet.subarray(4))).toBe(false);
    expect((packet.decode(reply).additionals as unknown as { flag_do: boolean }[])[0]!.flag_do).toBe(true);
  });
});

describe('truncation', () => {
  it.each([
    ['without EDNS', undefined, 512],
    ['with 1232', 1232, 1232],
  ])(
    'fits as many whole records as there is room for, %s, and sets TC',
    async (_title, udpPayloadSize, limit) => {
      const reply = (await lab.raw(
        question(MANY, 'A', udpPayloadSize === undefined ? {} : { udpPayloadSize }),
      ))!;
      expect(reply.length).toBeLessThanOrEqual(limit);
      expect(reply.length).toBeGreaterThan(limit - 16);
      expect(packet.decode(reply).flag_tc).toBe(true);
    },
  );

  it('shows every address of a large Service sooner or later', async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) for (const a of await lab.answers(MANY, 'A')) seen.add(a);
    expect(seen.size).toBe(100);
  });

  it('does not happen over a stream, nor for lost glue alone', async () => {
    const reply = await lab.ask(MANY, 'A', { protocol: 'tcp' });
    expect([reply.flag_tc, reply.answers!.length]).toEqual([false, 100]);
  });
});

describe('kept replies', () => {
  it('carry the id, RD and CD, and the spelling of each query', async () => {
    await lab.ask(WEB, 'A');
    const message = question('wEb.DEFAULT.svc.cluster.LOCAL', 'A', { flags: packet.CHECKING_DISABLED });
    message.writeUInt16BE(0xbeef, 0);
    const reply = packet.decode((await lab.raw(message))!);
    expect(reply).toMatchObject({ id: 0xbeef, flag_rd: false, flag_cd: true, flag_aa: true });
    expect(reply.questions![0]!.name).toBe('wEb.DEFAULT.svc.cluster.LOCAL');
    expect(reply.answers![0]!.name).toBe('wEb.DEFAULT.svc.cluster.LOCAL');
  });

  it('start at every address about equally often', async () => {
    const first = new Map<string, number>();
    for (let i = 0; i < 400; i++) {
      const { answers } = await lab.ask('few.default.svc.cluster.local', 'A');
      const [a] = answers as unknown as { data: string }[];
      first.set(a!.data, (first.get(a!.data) ?? 0) + 1);
      expect(texts(answers!)).toEqual(['A 10.1.0.1', 'A 10.1.0.2', 'A 10.1.0.3', 'A 10.1.0.4']);
    }
    for (const count of first.values()) expect(count).toBeGreaterThan(50);
    expect(first.size).toBe(4);
  });

  it('go when their Service, its endpoints or its namespace change, negatives too', async () => {
    const name = 'late.default.svc.cluster.local';
    const { client, answers, ask } = lab;
    expect((await ask(name, 'A')).rcode).toBe('SERVFAIL');
    client.seed(Resources.services, service('default/late', []));
    client.seed(Resources.endpointSlices, slice('default/late', [{ addresses: ['10.2.0.1'] }]));
    await expect.poll(() => answers(name, 'A')).toEqual(['A 10.2.0.1']);
    client.seed(Resources.endpointSlices, slice('default/late', [{ addresses: ['10.2.0.2'] }]));
    await expect.poll(() => answers(name, 'A')).toEqual(['A 10.2.0.2']);
    client.seed(Resources.services, service('default/late', ['10.0.9.9']));
    await expect.poll(() => answers(name, 'A')).toEqual(['A 10.0.9.9']);
    client.remove(Resources.namespaces, 'default');
    await expect.poll(() => answers(name, 'A')).toEqual([]);
    client.seed(Resources.namespaces, namespace('default'));
    await expect.poll(() => answers(name, 'A')).toEqual(['A 10.0.9.9']);
  });

  it('are bounded for names that do not exist', async () => {
    for (let i = 0; i < 200; i++) await lab.ask(`n${i}.default.svc.cluster.local`, 'A');
    // All of these fall through to no plugin: nothing of them is kept.
    expect(lab.kept()).toBeLessThan(50);
  });

  it('answer ANY with HINFO where the any plugin is', async () => {
    expect(texts((await lab.ask(WEB, 'ANY')).answers ?? [])[0]).toMatch(/^HINFO/);
  });
});
