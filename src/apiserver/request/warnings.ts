/** Upstream's bounds on warnings (apiserver/pkg/endpoints/filters/warning.go). */
const MAX_TOTAL = 4096;
const MAX_ONE = 256;

/** Collects the warnings of one request: each text once, bounded in length and sum. */
export class Warnings {
  readonly #texts: string[] = [];
  #length = 0;

  add(text: string): void {
    if (text === '' || this.#texts.includes(text)) return;
    const cut = this.#length + text.length > MAX_TOTAL ? text.slice(0, MAX_ONE) : text;
    if (this.#length + cut.length > MAX_TOTAL) return;
    this.#length += cut.length;
    this.#texts.push(cut);
  }

  /** The values of the `Warning` headers (RFC 7234 5.5), with control characters made harmless. */
  headers(): string[] {
    return this.#texts.map((text) => `299 - "${quoted(text)}"`);
  }
}

function quoted(text: string): string {
  // Header values are Latin-1 on the wire; what does not fit is written as UTF-8 bytes, as Go does.
  const latin = Buffer.from(text.replace(/[\x00-\x1f\x7f]/g, ' '), 'utf8').toString('latin1');
  return latin.replace(/[\\"]/g, (c) => `\\${c}`);
}
