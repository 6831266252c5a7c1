/** Something in rules that the tracer does not know. It never guesses: a wrong answer is worse than none. */
export class TraceSyntaxError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TraceSyntaxError';
  }
}

const TOKEN = /"[^"]*"|[{}&|^,;]|!=|[^\s{}&|^,;"!]+/g;

/** Splits nft text into words; quoted strings keep their quotes. */
export function tokenize(text: string): string[] {
  return text.match(TOKEN) ?? [];
}

/** A cursor over tokens. */
export class Tokens {
  readonly text: string;
  readonly #tokens: string[];
  #at = 0;

  constructor(text: string) {
    this.text = text;
    this.#tokens = tokenize(text);
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length;
  }

  peek(offset = 0): string | undefined {
    return this.#tokens[this.#at + offset];
  }

  next(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw this.error('ends too early');
    return token;
  }

  /** Takes the words if they come next. */
  take(...words: string[]): boolean {
    if (!words.every((word, i) => this.peek(i) === word)) return false;
    this.#at += words.length;
    return true;
  }

  expect(...words: string[]): void {
    if (!this.take(...words)) throw this.error(`expected "${words.join(' ')}" at "${this.peek() ?? ''}"`);
  }

  /** Items between braces, separated by commas: each as its words. */
  braced(): string[][] {
    this.expect('{');
    const items: string[][] = [[]];
    while (!this.take('}')) {
      if (this.take(',')) items.push([]);
      else items.at(-1)!.push(this.next());
    }
    return items.filter((item) => item.length > 0);
  }

  error(what: string): TraceSyntaxError {
    return new TraceSyntaxError(`${what}: ${this.text}`);
  }
}
