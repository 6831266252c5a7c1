import { styleText } from 'node:util';

const color = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;

/** Text in a style, or as it is where colour is not wanted. */
export function styled(style: 'bold' | 'green' | 'red' | 'dim' | 'cyan', text: string): string {
  return color ? styleText(style, text) : text;
}

export function print(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** Output of a program or of the API, set off from the explanations. */
export function show(text: string): void {
  for (const line of text.trimEnd().split('\n')) print(`    ${line}`);
}

/** A table with aligned columns. */
export function table(header: string[], rows: string[][]): void {
  const all = [header, ...rows];
  const widths = header.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  const line = (row: string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('   ')
      .trimEnd();
  show([styled('bold', line(header)), ...rows.map(line)].join('\n'));
}

/** A step did not hold; the demo ends with its name. */
export class StepError extends Error {
  readonly step: string;
  constructor(step: string, cause: unknown) {
    super(`step "${step}" failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'StepError';
    this.step = step;
  }
}

/** Runs one step under its title; anything it throws becomes a StepError. */
export async function step(title: string, explanation: string, run: () => Promise<void>): Promise<void> {
  print();
  print(styled('bold', `== ${title}`));
  for (const line of explanation.split('\n')) print(styled('dim', `   ${line}`));
  try {
    await run();
  } catch (error) {
    print(styled('red', `   ✗ ${title}`));
    throw new StepError(title, error);
  }
  print(styled('green', `   ✓ ${title}`));
}

/** Throws unless the condition holds. */
export function expect(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}
