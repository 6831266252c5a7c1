import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseProxyName } from './proxy-target.js';
import { type RewriteContext, rewriteAddress, rewriteHtml, rewriteRefresh } from './rewrite.js';

const context: RewriteContext = {
  prefix: '/api/v1/namespaces/ns/pods/p/proxy',
  scheme: 'https',
  host: 'api.example:6443',
  backend: '10.0.0.1:80',
};
const P = context.prefix;

describe('addresses of a proxied answer', () => {
  it.each([
    ['/x', `${P}/x`],
    ['/', `${P}/`],
    ['/a/../b/', `${P}/b/`],
    ['/../../etc', `${P}/etc`],
    ['/x?y=/z#f', `${P}/x?y=/z#f`],
    ['x/y', 'x/y'],
    ['#f', '#f'],
    ['', ''],
    ['mailto:a@b.example', 'mailto:a@b.example'],
    ['http://10.0.0.1:80/x', `https://api.example:6443${P}/x`],
    ['https://api.example:6443/x', `https://api.example:6443${P}/x`],
    ['//other.example/x', '//other.example/x'],
    ['https://other.example/x', 'https://other.example/x'],
    [`${P}/again`, `${P}/again`],
    ['/api/v1/namespaces/ns/pods/p/proxyother', `${P}${P}other`],
  ])('%j becomes %j', (address, expected) => {
    expect(rewriteAddress(address, context)).toBe(expected);
  });

  it('are found in attributes that hold addresses, with any quotes, and nowhere else', () => {
    const html = `<A HREF = '/a' title="/t"><img src=/i><p href="/no">/text</p><script>var a = "<a href='/s'>"</script>`;
    expect(rewriteHtml(html, context)).toBe(
      `<A HREF = '${P}/a' title="/t"><img src=${P}/i><p href="/no">/text</p><script>var a = "<a href='${P}/s'>"</script>`,
    );
  });

  it('are found in Refresh headers', () => {
    expect(rewriteRefresh('5; URL=/next', context)).toBe(`5; URL=${P}/next`);
    expect(rewriteRefresh('5', context)).toBe('5');
  });

  it.each(['<a ', '<a "', `<a '"`, '<', 'a', '<a href', '<a href=', '<a \'<b "', '<a x '])(
    'of a page that repeats %j without end are looked for in linear time',
    (part) => {
      const page = part.repeat(300_000);
      expect(rewriteHtml(page, context)).toBe(page);
      const tag = `<a ${'h'.repeat(500_000)}>`;
      expect(rewriteHtml(tag, context)).toBe(tag);
    },
  );

  it('leave text without markup as it is, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const plain = text.replaceAll('<', '');
        expect(rewriteHtml(plain, context)).toBe(plain);
        expect(typeof rewriteHtml(text, context)).toBe('string');
      }),
    );
  });
});

describe('the name in a proxy path', () => {
  it('is read back from its parts, and anything else is refused', () => {
    const label = fc.stringMatching(/^[a-z0-9-]{1,10}$/);
    fc.assert(
      fc.property(
        fc.constantFrom('', 'http', 'https'),
        label,
        fc.stringMatching(/^[a-z0-9]{0,5}$/),
        (scheme, name, port) => {
          const text = scheme === '' ? `${name}:${port}` : `${scheme}:${name}:${port}`;
          expect(parseProxyName(text)).toEqual({ scheme, name, port });
          expect(parseProxyName(name)).toEqual({ scheme: '', name, port: '' });
          expect(parseProxyName(`ftp:${name}:${port}`)).toBeUndefined();
          expect(parseProxyName(`${text}:x:y`)).toBeUndefined();
        },
      ),
    );
    expect(parseProxyName('')).toBeUndefined();
  });
});
