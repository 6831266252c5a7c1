import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createLab, type Lab, namespace, Resources, service, texts } from '../testing/lab.js';
import { formatRecord } from '../zone/format-record.js';
import { parseRecord } from './parse-record.js';

describe('template', () => {
  let lab: Lab | undefined;
  afterEach(() => lab?.stop());

  async function serve(text: string): Promise<Lab> {
    lab = await createLab(`.:53 {\n${text}\n kubernetes cluster.local\n}\n`, (client) => {
      client.seed(Resources.namespaces, namespace('default'));
      client.seed(Resources.services, service('default/web', ['10.0.0.1']));
    });
    return lab;
  }

  it('answers all of a zone with one code, in every class', async () => {
    const on = await serve(`template ANY ANY invalid {
      rcode NXDOMAIN
      authority "invalid. 60 {{ .Class }} SOA ns.invalid. hostmaster.invalid. (1 60 60 60 60)"
    }`);
    const reply = await on.ask('x.invalid', 'A');
    expect([reply.rcode, texts(reply.authorities!)]).toEqual(['NXDOMAIN', ['SOA ns.invalid']]);
    expect(await on.answers('web.default.svc.cluster.local', 'A')).toEqual(['A 10.0.0.1']);
  });

  it('makes records of what its patterns match, the first that does, and passes on what none matches', async () => {
    const on = await serve(`
    template IN A example {
      match "^ip-(?P<a>10)-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]dc[.]example[.]$"
      match ^ip0a(?P<b>[a-f0-9][a-f0-9])[.]hex[.]example[.]$
      answer "{{ .Name }} 60 IN A 10.{{ parseInt .Group.b 10 8 }}.{{ .Group.c }}.{{.Group.d}}"
      fallthrough
    }
    template IN A example {
      match ^hex-([a-f0-9]+)[.]example[.]$
      answer "{{ .Name }} 60 IN A 192.0.2.{{ parseInt (index .Match 1) 16 8 }}"
      additional "ns.{{ .Zone }} 60 IN A 203.0.113.8"
      fallthrough
    }
    template IN MX example {
      answer "{{ .Name }} 60 IN MX 10 {{ .Name }}"
    }`);
    expect(await on.answers('ip-10-1-2-3.dc.example', 'A')).toEqual(['A 10.1.2.3']);
    const hex = await on.ask('HEX-ff.example', 'A');
    expect([texts(hex.answers!), hex.answers![0]!.name]).toEqual([['A 192.0.2.255'], 'HEX-ff.example']);
    expect(texts(hex.additionals!)).toEqual(['A 203.0.113.8']);
    expect((await on.ask('other.example', 'A')).rcode).toBe('SERVFAIL');
    expect((await on.ask('x.example', 'MX')).answers).toMatchObject([{ data: { exchange: 'x.example' } }]);
  });

  it('follows an alias that it makes, and says SERVFAIL for what is no record or matches nothing', async () => {
    const on = await serve(`
    template IN ANY foogle.test {
      match ^foogle[.]test[.]$
      answer "foogle.test 60 IN CNAME web.default.svc.cluster.local"
    }
    template IN A broken.test {
      answer "{{ .Name }} 60 IN A {{ .Group.none }}"
    }`);
    expect(await on.answers('foogle.test', 'A')).toEqual([
      'A 10.0.0.1',
      'CNAME web.default.svc.cluster.local',
    ]);
    expect((await on.ask('a.foogle.test', 'A')).rcode).toBe('SERVFAIL');
    expect((await on.ask('broken.test', 'A')).rcode).toBe('SERVFAIL');
  });

  it.each([
    ['template', 'Wrong argument count'],
    ['template ANY', 'Wrong argument count'],
    ['template ANY X {\n rcode NXDOMAIN\n}', 'invalid RR class X'],
    ['template X ANY {\n rcode NXDOMAIN\n}', 'invalid query class X'],
    ['template ANY ANY', 'needs a block'],
    ['template ANY ANY {\n notavailable\n}', "unknown property 'notavailable'"],
    ['template ANY ANY {\n answer\n}', 'Wrong argument count'],
    ['template ANY ANY {\n rcode UNDEFINED\n}', 'unknown rcode UNDEFINED'],
    ['template ANY ANY {\n match (?P<x>\n}', 'could not parse regex'],
    ['template ANY ANY {\n answer "{{"\n}', 'unclosed action'],
    ['template ANY ANY {\n answer "{{ .Grup.d }}"\n}', 'unknown expression'],
    ['template ANY ANY {\n ederror 21\n}', "unknown property 'ederror'"],
  ])('must not be said as %j', async (text, message) => {
    await expect(serve(text)).rejects.toThrow(message);
  });
});

describe('a record in text', () => {
  it.each([
    ['a.b. 60 IN A 192.0.2.1', 'a.b. 60 IN A 192.0.2.1'],
    ['a.b AAAA ::1', 'a.b. 3600 IN AAAA ::1'],
    ['a.b IN 5 CNAME c.d', 'a.b. 5 IN CNAME c.d.'],
    ['a.b 5 SRV 1 2 3 c.d', 'a.b. 5 IN SRV 1 2 3 c.d.'],
    ['a.b 5 TXT "x \\"y" z', 'a.b. 5 IN TXT "x \\"y" "z"'],
    ['a.b 5 SOA m.n r.s ( 1 2 3 4 5 )', 'a.b. 5 IN SOA m.n. r.s. 1 2 3 4 5'],
    ['a.b 5 MX 10 c.d', 'a.b. 5 IN MX 10 c.d.'],
  ])('is read: %s', (text, expected) => {
    expect(formatRecord(parseRecord(text)!)).toBe(expected);
  });

  it('is refused or whole, whatever the text is', () => {
    const words = fc.constantFrom(
      'a.b',
      '60',
      'IN',
      'A',
      '192.0.2.1',
      'SOA',
      '(',
      ')',
      '"',
      'SRV',
      '-1',
      '..',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words, { maxLength: 10 }).map((w) => w.join(' ')),
        ),
        (text) => {
          const record = parseRecord(text);
          if (record !== undefined) expect(formatRecord(record)).toMatch(/^\S+ \d+ IN \S+ \S/);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
