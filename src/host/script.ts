import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Scripts above this size go through a file: a pipe through the spawn helper would copy them thrice. */
const FILE_ABOVE_BYTES = 128 * 1024;
const CHUNK_BYTES = 512 * 1024;

/** Where a program finds its script: on its standard input, or in a file. */
export type Script = { input: string } | { path: string };

/** Gives a program these lines; long scripts are written piece by piece, so that the event loop stays free. */
export async function withScript(
  lines: Iterable<string>,
  run: (script: Script) => Promise<unknown>,
): Promise<void> {
  const iterator = lines[Symbol.iterator]();
  const head = takeChunk(iterator, FILE_ABOVE_BYTES);
  if (head.done) {
    if (head.text !== '') await run({ input: head.text });
    return;
  }
  const directory = await mkdtemp(join(tmpdir(), 'kubesvc-script-'));
  try {
    const path = join(directory, 'script');
    const file = await open(path, 'wx', 0o600);
    try {
      await file.write(head.text);
      for (let chunk = takeChunk(iterator, CHUNK_BYTES); ; chunk = takeChunk(iterator, CHUNK_BYTES)) {
        await file.write(chunk.text);
        if (chunk.done) break;
      }
    } finally {
      await file.close();
    }
    await run({ path });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Joins lines up to about `bytes`. */
function takeChunk(iterator: Iterator<string>, bytes: number): { text: string; done: boolean } {
  const lines: string[] = [];
  let size = 0;
  while (size < bytes) {
    const next = iterator.next();
    if (next.done === true) return { text: terminated(lines), done: true };
    lines.push(next.value);
    size += next.value.length + 1;
  }
  return { text: terminated(lines), done: false };
}

function terminated(lines: string[]): string {
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
