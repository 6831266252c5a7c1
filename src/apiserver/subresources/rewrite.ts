/** How addresses in a proxied answer have to look for the client. */
export interface RewriteContext {
  /** `/api/v1/namespaces/ns/services/name/proxy`, without trailing slash. */
  prefix: string;
  /** Scheme and host as the client sees the API server. */
  scheme: string;
  host: string;
  /** host:port of the backend. */
  backend: string;
}

/** Attributes that hold addresses, by element (upstream apimachinery util/proxy/transport.go). */
const ATTRIBUTES: Record<string, string[]> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

/**
 * An address as the client must follow it: paths of the backend get the proxy's prefix, other hosts and relative
 * addresses stay. Text that is no address is left alone.
 */
export function rewriteAddress(text: string, context: RewriteContext): string {
  const match = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/s.exec(text);
  if (match === null) return text;
  const [, scheme, host, path = '', rest = ''] = match;
  if (host !== undefined && host !== '' && host !== context.backend && host !== context.host) return text;
  if (!path.startsWith('/')) return text;
  const inside = path === context.prefix || path.startsWith(`${context.prefix}/`);
  const mapped = inside ? path : joinPath(context.prefix, path);
  const origin = scheme === undefined && host === undefined ? '' : `${context.scheme}://${context.host}`;
  return `${origin}${mapped}${rest}`;
}

/** The backend's path behind the prefix, with `.` and `..` resolved inside it: a page cannot link out of its proxy. */
function joinPath(prefix: string, path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  const slash = path.endsWith('/') && segments.length > 0 ? '/' : '';
  return `${prefix}/${segments.join('/')}${slash}`;
}

/**
 * Rewrites the addresses of an HTML document, tag by tag; everything else stays byte for byte. The patterns scan
 * each character a bounded number of times: pages are written by strangers.
 */
export function rewriteHtml(html: string, context: RewriteContext): string {
  return html.replace(
    /<([a-zA-Z][a-zA-Z0-9]*)(\s(?:"[^"]*"|'[^']*'|[^'"<>])*)>/g,
    (tag, name: string, attributes: string) => {
      const known = ATTRIBUTES[name.toLowerCase()];
      if (known === undefined) return tag;
      const rewritten = attributes.replace(
        /(?<![a-zA-Z-])([a-zA-Z-]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/g,
        (whole, attribute: string, equals: string, value: string) => {
          if (!known.includes(attribute.toLowerCase())) return whole;
          const quote = value[0] === '"' || value[0] === "'" ? value[0] : '';
          const bare = quote === '' ? value : value.slice(1, -1);
          return `${attribute}${equals}${quote}${rewriteAddress(bare, context)}${quote}`;
        },
      );
      return `<${name}${rewritten}>`;
    },
  );
}

/** `5; url=/path` of a Refresh header. */
export function rewriteRefresh(text: string, context: RewriteContext): string {
  return text.replace(/(;\s*url\s*=\s*)(.*)$/i, (_whole, lead: string, address: string) => {
    return `${lead}${rewriteAddress(address, context)}`;
  });
}
