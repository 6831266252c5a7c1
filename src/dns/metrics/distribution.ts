/** A histogram as plain numbers: upper bounds, a count for each, sum and total. */
export class Distribution {
  readonly #bounds: number[];
  readonly #counts: Float64Array;
  #sum = 0;
  #total = 0;

  constructor(bounds: number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#total++;
    for (let i = 0; i < this.#bounds.length; i++) {
      if (value <= this.#bounds[i]!) {
        this.#counts[i]!++;
        return;
      }
    }
  }

  /** Appends the lines of the text exposition; `labels` is label text without braces. */
  render(out: string[], name: string, labels: string): void {
    const prefix = labels === '' ? '' : `${labels},`;
    let running = 0;
    for (const [i, bound] of this.#bounds.entries()) {
      running += this.#counts[i]!;
      out.push(`${name}_bucket{${prefix}le="${bound}"} ${running}`);
    }
    out.push(`${name}_bucket{${prefix}le="+Inf"} ${this.#total}`);
    out.push(`${name}_sum{${labels}} ${this.#sum}`, `${name}_count{${labels}} ${this.#total}`);
  }
}
