import { JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect';
import * as chai from 'chai';

/**
 * What the guest has in vitest's place, for the same test files: vitest itself with its workers would take longer to start under
 * emulation than all tests take. Prints TAP.
 */
chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);
export const expect = chai.expect;

type Work = () => void | Promise<void>;
interface Suite {
  title: string;
  tests: { title: string; work: Work }[];
  before: Work[];
  after: Work[];
}
const suites: Suite[] = [];

function suiteNow(): Suite {
  const suite = suites.at(-1);
  if (suite === undefined) throw new Error('outside of describe');
  return suite;
}

/** `$name` and `%s` of a title. */
function titleFor(title: string, row: unknown): string {
  const named = title.replace(/\$(\w+)/g, (_, key: string) => String((row as Record<string, unknown>)[key]));
  return named.replace('%s', String(row));
}

export const describe = Object.assign(
  (title: string, define: () => void) => {
    suites.push({ title, tests: [], before: [], after: [] });
    define();
  },
  {
    each:
      <T>(rows: readonly T[]) =>
      (title: string, define: (row: T) => void) => {
        for (const row of rows) describe(titleFor(title, row), () => define(row));
      },
  },
);

export const it = Object.assign((title: string, work: Work) => void suiteNow().tests.push({ title, work }), {
  each:
    <T>(rows: readonly T[]) =>
    (title: string, work: (row: T) => void | Promise<void>) => {
      for (const row of rows) it(titleFor(title, row), () => work(row));
    },
});

export const beforeAll = (work: Work) => void suiteNow().before.push(work);
export const afterAll = (work: Work) => void suiteNow().after.push(work);

let count = 0;
let failures = 0;

async function attempt(title: string, work: Work): Promise<void> {
  const from = performance.now();
  count++;
  try {
    await work();
    console.log(`ok ${count} - ${title} # ${Math.round(performance.now() - from)} ms`);
  } catch (error) {
    failures++;
    console.log(`not ok ${count} - ${title}`);
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    for (const line of text.split('\n')) console.log(`  # ${line}`);
    const { actual, expected } = error as { actual?: unknown; expected?: unknown };
    if (actual !== undefined)
      console.log(`  # actual ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
  }
}

async function prepare(title: string, before: readonly Work[]): Promise<boolean> {
  try {
    for (const work of before) await work();
    return true;
  } catch (error) {
    failures++;
    console.log(`not ok ${++count} - ${title}: ${(error as Error).stack}`);
    return false;
  }
}

/** Runs every test whose suite and title match; resolves with how many failed. None that matches is a failure. */
export async function runAll(filter: RegExp): Promise<number> {
  for (const { title, tests, before, after } of suites) {
    const chosen = tests.filter((test) => filter.test(`${title} > ${test.title}`));
    if (chosen.length === 0) continue;
    console.log(`# ${title}`);
    const isReady = await prepare(title, before);
    if (isReady) for (const test of chosen) await attempt(test.title, test.work);
    for (const work of after) await work();
  }
  console.log(`1..${count}`);
  return count === 0 ? 1 : failures;
}
