/** One block of PEM (RFC 7468), as Go's encoding/pem reads it. */
export interface PemBlock {
  /** `CERTIFICATE`, `CERTIFICATE REQUEST` ... */
  type: string;
  hasHeaders: boolean;
  bytes: Buffer;
}

const BEGIN = '-----BEGIN ';
const END = '\n-----END ';
const DASHES = '-----';
const HEADERS = /^(?:[^\n:]+:[^\n]*\n)+\r?\n?/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The blocks of a text in order. What stands between them, and blocks that are none, are passed over. Takes time in
 * proportion to the text, whatever is in it.
 */
export function pemBlocks(text: string): PemBlock[] {
  const found: PemBlock[] = [];
  for (let at = 0, end = -1; ; ) {
    const begin = text.indexOf(BEGIN, at);
    if (begin < 0) return found;
    at = begin + BEGIN.length;
    const line = lineAt(text, at);
    if ((begin > 0 && text[begin - 1] !== '\n') || !line.endsWith(DASHES)) continue;
    if (end < at) end = text.indexOf(END, at);
    if (end < 0) return found;
    const type = line.slice(0, -DASHES.length);
    if (lineAt(text, end + END.length) !== type + DASHES) continue;
    const block = blockOf(type, text.slice(text.indexOf('\n', at) + 1, end + 1));
    if (block !== undefined) found.push(block);
    at = end + END.length;
  }
}

/** The rest of a line, without blanks at its end. */
function lineAt(text: string, at: number): string {
  const end = text.indexOf('\n', at);
  return text.slice(at, end < 0 ? text.length : end).trimEnd();
}

function blockOf(type: string, inside: string): PemBlock | undefined {
  const body = inside.replace(HEADERS, '');
  const digits = body.replace(/[ \t\r\n]/g, '');
  if (!BASE64.test(digits)) return undefined;
  return { type, hasHeaders: body.length !== inside.length, bytes: Buffer.from(digits, 'base64') };
}
