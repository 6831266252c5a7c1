/** What a plain scalar means; `undefined` stands for "not representable in JSON" (infinities, NaN). */
export type PlainValue = string | number | boolean | null | undefined;

const WORDS: ReadonlyMap<string, PlainValue> = new Map<string, PlainValue>([
  ...cases('y', true),
  ...cases('yes', true),
  ...cases('on', true),
  ...cases('true', true),
  ...cases('n', false),
  ...cases('no', false),
  ...cases('off', false),
  ...cases('false', false),
  ['', null],
  ['~', null],
  ...cases('null', null),
  ...cases('.inf', undefined),
  ...cases('+.inf', undefined),
  ...cases('-.inf', undefined),
  ['.nan', undefined],
  ['.NaN', undefined],
  ['.NAN', undefined],
]);

function cases(word: string, value: PlainValue): [string, PlainValue][] {
  const start = word.search(/[a-z]/);
  const capital = word.slice(0, start) + word[start]!.toUpperCase() + word.slice(start + 1);
  return [word, capital, word.toUpperCase()].map((text) => [text, value]);
}

const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;

/** Resolves an unquoted scalar as go-yaml v2 does (`resolve.go`): YAML 1.1 words, octal with a leading zero, no dates. */
export function resolvePlain(text: string): PlainValue {
  if (WORDS.has(text)) return WORDS.get(text);
  if (!/^[-+.0-9]/.test(text)) return text;
  const plain = text.replaceAll('_', '');
  return parseInteger(plain) ?? (FLOAT.test(plain) ? finite(Number(plain)) : text);
}

function finite(value: number): PlainValue {
  return Number.isFinite(value) ? value : undefined;
}

/** Go's strconv.ParseInt with base 0: `0x`, `0o`, `0b`, leading zero for octal. */
function parseInteger(text: string): number | undefined {
  const match = /^([-+]?)(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)$/.exec(text);
  if (match === null) return undefined;
  const digits = /^0[0-7]/.test(match[2]!) ? `0o${match[2]!.slice(1)}` : match[2]!;
  const value = Number(digits.toLowerCase());
  return match[1] === '-' ? 0 - value : value;
}
