/** A Corefile that cannot be used; the message starts with file, line and column. */
export class CorefileError extends Error {
  constructor(file: string, at: { line: number; column: number }, message: string) {
    super(`${file}:${at.line}:${at.column}: ${message}`);
    this.name = 'CorefileError';
  }
}

export interface Token {
  text: string;
  line: number;
  column: number;
  quoted: boolean;
}

const MAX_SIZE = 1024 * 1024;

/**
 * Splits a Corefile into tokens (coredns/caddy caddyfile lexer): words separated by blanks, `"quoted"` words,
 * `#` comments, and `{$NAME}` / `{%NAME%}` replaced from the environment.
 */
export function tokenize(text: string, file: string, env: Record<string, string | undefined>): Token[] {
  if (text.length > MAX_SIZE)
    throw new CorefileError(file, { line: 1, column: 1 }, `larger than ${MAX_SIZE} bytes`);
  const tokens: Token[] = [];
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  for (const [index, line] of lines.entries()) tokenizeLine(line, index + 1, file, env, tokens);
  return tokens;
}

function tokenizeLine(
  line: string,
  number: number,
  file: string,
  env: Record<string, string | undefined>,
  out: Token[],
): void {
  let at = 0;
  while (at < line.length) {
    if (/\s/.test(line[at]!)) {
      at++;
    } else if (line[at] === '#') {
      return;
    } else if (line[at] === '"') {
      const { text, end } = quoted(line, at, number, file);
      out.push({ text: expand(text, env), line: number, column: at + 1, quoted: true });
      at = end;
    } else {
      const match = /^\S+/.exec(line.slice(at))!;
      out.push({ text: expand(match[0], env), line: number, column: at + 1, quoted: false });
      at += match[0].length;
    }
  }
}

function quoted(line: string, start: number, number: number, file: string): { text: string; end: number } {
  let text = '';
  for (let at = start + 1; at < line.length; at++) {
    if (line[at] === '"') return { text, end: at + 1 };
    if (line[at] === '\\' && (line[at + 1] === '"' || line[at + 1] === '\\')) at++;
    text += line[at];
  }
  throw new CorefileError(file, { line: number, column: start + 1 }, 'quoted string is not closed');
}

function expand(text: string, env: Record<string, string | undefined>): string {
  return text.replace(
    /\{\$(\w+)\}|\{%(\w+)%\}/g,
    (_all, a: string | undefined, b: string | undefined) => env[a ?? b ?? ''] ?? '',
  );
}
