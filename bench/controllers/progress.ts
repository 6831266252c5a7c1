const EVERY_MS = 500;

/** Shows on a terminal how far something is, in one line; says nothing where the output goes to a file. */
export function progress(what: string, total: number): (done: number) => void {
  if (process.stderr.isTTY !== true) return () => {};
  let shown = 0;
  return (done) => {
    const now = Date.now();
    if (done < total && now - shown < EVERY_MS) return;
    shown = now;
    process.stderr.write(`\r\x1b[K${what}: ${done} of ${total}${done < total ? '' : '\n'}`);
  };
}
