/** One media range of an Accept header with its parameters (lower-case names) and quality. */
export interface MediaRange {
  type: string;
  params: Record<string, string>;
  quality: number;
}

/** More ranges than any client sends; the rest is ignored so that a huge header costs little. */
const MAX_RANGES = 32;

/** Parses an Accept header, best first; ranges with quality 0 are dropped. Never throws. */
export function parseAccept(header: string | undefined): MediaRange[] {
  if (header === undefined || header.trim() === '') return [{ type: '*/*', params: {}, quality: 1 }];
  const ranges: MediaRange[] = [];
  for (const part of header.split(',').slice(0, MAX_RANGES)) {
    const range = parseMediaType(part);
    if (range !== undefined && range.quality > 0) ranges.push(range);
  }
  return ranges.sort((a, b) => b.quality - a.quality);
}

/** Parses one media type such as `application/json; charset=utf-8`; undefined when it is not one. */
export function parseMediaType(text: string): MediaRange | undefined {
  const [first = '', ...rest] = text.split(';');
  const type = first.trim().toLowerCase();
  if (!/^[^\s/]+\/[^\s/]+$/.test(type)) return undefined;
  const params: Record<string, string> = Object.create(null) as Record<string, string>;
  let quality = 1;
  for (const pair of rest) {
    const equals = pair.indexOf('=');
    if (equals < 0) continue;
    const name = pair.slice(0, equals).trim().toLowerCase();
    const value = pair
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1');
    if (name === 'q') quality = Number(value) >= 0 ? Math.min(1, Number(value)) : 0;
    else params[name] = value;
  }
  return { type, params, quality };
}
