/** Sorted indexes in the form of a status: `0,2-5,7`. */
export function formatIndexes(indexes: Iterable<number>): string {
  const sorted = [...new Set(indexes)].sort((a, b) => a - b);
  const ranges: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let last = i;
    while (sorted[last + 1] === sorted[last]! + 1) last++;
    const [from, to] = [sorted[i]!, sorted[last]!];
    ranges.push(last === i ? `${from}` : last === i + 1 ? `${from},${to}` : `${from}-${to}`);
    i = last + 1;
  }
  return ranges.join();
}

/** The indexes below `completions` that a status names; what is malformed is left out. */
export function parseIndexes(text: string | undefined, completions: number): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? '').split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) continue;
    const last = Math.min(Number(match[2] ?? match[1]), completions - 1);
    for (let i = Number(match[1]); i <= last; i++) indexes.add(i);
  }
  return indexes;
}
