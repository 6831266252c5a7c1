/** Tokens of the label selector grammar. Words are identifiers unless `in` and `notin` are asked for. */
export type TokenKind = 'identifier' | 'operator' | '(' | ')' | ',' | '!' | 'end' | 'error';

export interface Token {
  kind: TokenKind;
  text: string;
}

const SYMBOLS = new Set(['!', '=', '==', '!=', '(', ')', ',', '>', '<']);
const SPECIAL = '=!(),><';
const SPACE = ' \t\r\n';

/** Splits a selector as upstream's lexer: the longest symbol wins, everything else up to a symbol or space is a word. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    if (SPACE.includes(char)) {
      at++;
      continue;
    }
    const end = SPECIAL.includes(char) ? symbolEnd(text, at) : wordEnd(text, at);
    const lexeme = text.slice(at, end);
    tokens.push({ kind: kindOf(lexeme, SPECIAL.includes(char)), text: lexeme });
    at = end;
  }
  return tokens;
}

function symbolEnd(text: string, start: number): number {
  return SYMBOLS.has(text.slice(start, start + 2)) && start + 2 <= text.length ? start + 2 : start + 1;
}

function wordEnd(text: string, start: number): number {
  let end = start;
  while (end < text.length && !SPECIAL.includes(text[end]!) && !SPACE.includes(text[end]!)) end++;
  return end;
}

function kindOf(lexeme: string, symbol: boolean): TokenKind {
  if (!symbol) return 'identifier';
  if (lexeme === '(' || lexeme === ')' || lexeme === ',' || lexeme === '!') return lexeme;
  return 'operator';
}
