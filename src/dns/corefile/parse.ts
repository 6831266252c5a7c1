import { parseDuration as milliseconds } from '#base';
import { importedFiles } from './imported-files.js';
import { CorefileError, type Token, tokenize } from './tokens.js';

/** A line of a plugin's configuration, and the lines of its braces. */
export interface Directive {
  name: string;
  args: string[];
  block: Directive[];
  /** Where it stands, for errors: `error(message)` builds one. */
  line: number;
  column: number;
  file: string;
}

export interface CorefileServer {
  /** Keys as written: `.:53`, `example.org`, `tls://.:853`. */
  keys: string[];
  plugins: Directive[];
  line: number;
  column: number;
  file: string;
}

const MAX_DEPTH = 8;

/** An error at a directive. */
export function directiveError(
  at: { file: string; line: number; column: number },
  message: string,
): CorefileError {
  return new CorefileError(at.file, at, message);
}

/**
 * Parses a Corefile into server blocks with their plugin directives; knows nothing of plugins. Snippets
 * (`(name) { ... }`) and `import` of snippets, files and patterns are resolved.
 */
export function parseCorefile(
  text: string,
  file = 'Corefile',
  env: Record<string, string | undefined> = process.env,
): CorefileServer[] {
  return new Parser(text, file, { env, snippets: new Map(), depth: 0 }).servers();
}

/** What a file and the files that it imports share. */
interface Scope {
  env: Record<string, string | undefined>;
  snippets: Map<string, Directive[]>;
  /** How many imports led here. */
  depth: number;
}

class Parser {
  readonly #tokens: Token[];
  readonly #file: string;
  readonly #scope: Scope;
  #at = 0;

  constructor(text: string, file: string, scope: Scope) {
    this.#tokens = tokenize(text, file, scope.env);
    this.#file = file;
    this.#scope = scope;
  }

  servers(): CorefileServer[] {
    const servers: CorefileServer[] = [];
    while (this.#peek() !== undefined) {
      const first = this.#peek()!;
      if (first.text === 'import' && !first.quoted) {
        servers.push(...this.#files(this.#directive(0)).flatMap((parser) => parser.servers()));
        continue;
      }
      const keys = this.#keys();
      const plugins = this.#braces(0, 'the server block');
      const snippet = keys.length === 1 ? /^\((.+)\)$/.exec(keys[0]!) : null;
      if (snippet !== null) this.#scope.snippets.set(snippet[1]!, plugins);
      else servers.push({ keys, plugins, line: first.line, column: first.column, file: this.#file });
    }
    return servers;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #fail(token: Token | undefined, message: string): never {
    const at = token ?? this.#tokens[this.#tokens.length - 1] ?? { line: 1, column: 1 };
    throw new CorefileError(this.#file, at, message);
  }

  /** Keys up to the opening brace; commas between them are allowed. */
  #keys(): string[] {
    const keys: string[] = [];
    for (let token = this.#peek(); ; token = this.#peek()) {
      if (token === undefined) this.#fail(undefined, `expected '{' after ${JSON.stringify(keys.join(' '))}`);
      if (token.text === '{' && !token.quoted) break;
      if (token.text === '}' && !token.quoted) this.#fail(token, "unexpected '}'");
      keys.push(...token.text.split(',').filter((k) => k !== ''));
      this.#at++;
    }
    if (keys.length === 0) this.#fail(this.#peek(), 'a server block needs at least one zone');
    return keys;
  }

  #braces(depth: number, what: string): Directive[] {
    const open = this.#tokens[this.#at++];
    if (depth > MAX_DEPTH) this.#fail(open, 'nested too deeply');
    const directives: Directive[] = [];
    for (;;) {
      const token = this.#peek();
      if (token === undefined) this.#fail(open, `'{' of ${what} is not closed`);
      if (token.text === '}' && !token.quoted) {
        this.#at++;
        return directives;
      }
      const directive = this.#directive(depth);
      if (directive.name === 'import' && directive.args.length === 1)
        directives.push(...this.#imported(directive));
      else directives.push(directive);
    }
  }

  #imported(directive: Directive): Directive[] {
    const snippet = this.#scope.snippets.get(directive.args[0]!);
    return snippet ?? this.#files(directive).flatMap((parser) => parser.#directives());
  }

  /** A parser for each file that an import names. */
  #files(directive: Directive): Parser[] {
    const [pattern] = directive.args;
    const { depth } = this.#scope;
    if (pattern === undefined || directive.args.length > 1)
      throw directiveError(directive, 'import: needs the name of a snippet or of a file');
    if (depth >= MAX_DEPTH) throw directiveError(directive, 'import: nested too deeply');
    return importedFiles(pattern, directive).map(
      ({ file, text }) => new Parser(text, file, { ...this.#scope, depth: depth + 1 }),
    );
  }

  /** All of a file that stands inside a block. */
  #directives(): Directive[] {
    const directives: Directive[] = [];
    while (this.#peek() !== undefined) {
      const directive = this.#directive(0);
      if (directive.name === 'import') directives.push(...this.#imported(directive));
      else directives.push(directive);
    }
    return directives;
  }

  /** Words up to the end of the line, and a block if the line ends with `{`. */
  #directive(depth: number): Directive {
    const first = this.#tokens[this.#at++]!;
    if (first.text === '{' && !first.quoted) this.#fail(first, "unexpected '{'");
    const args: string[] = [];
    let block: Directive[] = [];
    for (let token = this.#peek(); token !== undefined && token.line === first.line; token = this.#peek()) {
      if (token.text === '}' && !token.quoted) break;
      if (token.text === '{' && !token.quoted) {
        block = this.#braces(depth + 1, first.text);
        break;
      }
      args.push(token.text);
      this.#at++;
    }
    return { name: first.text, args, block, line: first.line, column: first.column, file: this.#file };
  }
}

/** Seconds of a Go duration ("5s", "1m30s", "500ms") or of a bare number of seconds; undefined when malformed. */
export function parseDuration(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  return milliseconds(text)! / 1000;
}
