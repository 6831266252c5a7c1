import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '#storage';
import { type Fault, FaultyStore } from '../../testing/faulty-store.js';
import { startTestServer, type TestServer } from '../../testing/in-process-server.js';
import {
  applyStep,
  BOOK_KEYS,
  heldTwice,
  MODEL_OPTIONS,
  readBooks,
  repairBooks,
  type ServiceStep,
  serviceStep,
} from '../../testing/service-model.js';

/** What the Services hold must be exactly what is allocated. */
async function expectBalance(server: TestServer): Promise<void> {
  const books = await readBooks(server);
  expect(heldTwice(books), 'one owner each').toEqual([]);
  expect(books.bookedAddresses).toEqual(books.heldAddresses);
  expect(books.bookedPorts).toEqual(books.heldPorts);
}

const rounds = fc.array(fc.array(serviceStep, { minLength: 1, maxLength: 4 }), { maxLength: 12 });
const fault: fc.Arbitrary<Fault> = fc.record({
  nth: fc.integer({ min: 1, max: 4 }),
  when: fc.constantFrom('before', 'after'),
  dies: fc.boolean(),
});
const faultyRounds = fc.array(
  fc.record({ steps: fc.array(serviceStep, { minLength: 1, maxLength: 4 }), fault, restart: fc.boolean() }),
  { minLength: 1, maxLength: 8 },
);

/** Two API servers on one store, each with a connection of its own that can fail. */
class FaultyPair {
  readonly #store = createMemoryStore();
  readonly #stores: FaultyStore[] = [];
  readonly servers: TestServer[] = [];

  async start(): Promise<void> {
    await this.#store.start();
    await this.restart(0);
    await this.restart(1);
  }

  async restart(index: number): Promise<void> {
    await this.servers[index]?.stop();
    const store = new FaultyStore(this.#store, BOOK_KEYS);
    this.#stores[index] = store;
    this.servers[index] = await startTestServer({ ...MODEL_OPTIONS, store });
  }

  /** Of the first server. */
  breakWrite(fails: Fault): void {
    this.#stores[0]!.arm(fails);
  }

  async round(steps: ServiceStep[], fails: Fault, restart: boolean): Promise<void> {
    this.breakWrite(fails);
    const unavailable = /range is full|duplicate nodePort|HealthCheck NodePort|lost|dead/;
    await Promise.all(steps.map((step) => applyStep(this.servers[step.server]!, step, unavailable)));
    this.#stores[0]!.arm(undefined);
    if (restart || this.#stores[0]!.dead) await this.restart(0);
  }

  async stop(): Promise<void> {
    for (const server of this.servers) await server.stop();
    await this.#store.stop();
  }
}

describe('the books of the Service registry', () => {
  it('balance after any sequence of creates, updates, deletes, dry runs and refusals, at once and on two servers', async () => {
    await fc.assert(
      fc.asyncProperty(rounds, async (all) => {
        const first = await startTestServer(MODEL_OPTIONS);
        const second = await startTestServer({ ...MODEL_OPTIONS, store: first.store });
        const servers = [first, second];
        try {
          for (const round of all) {
            await Promise.all(round.map((step) => applyStep(servers[step.server]!, step)));
            for (const server of servers) await expectBalance(server);
          }
        } finally {
          await second.stop();
          await first.stop();
        }
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  it('never name two owners while writes fail and servers die, and balance again after the repairs', async () => {
    await fc.assert(
      fc.asyncProperty(faultyRounds, async (all) => {
        const pair = new FaultyPair();
        await pair.start();
        try {
          for (const { steps, fault: fails, restart } of all) {
            await pair.round(steps, fails, restart);
            expect(heldTwice(await readBooks(pair.servers[1]!))).toEqual([]);
          }
          await repairBooks(pair.servers[1]!);
          for (const server of pair.servers) await expectBalance(server);
        } finally {
          await pair.stop();
        }
      }),
      { numRuns: 20 },
    );
  }, 60_000);

  it('keep what a Service holds whose creation succeeded without an answer', async () => {
    const pair = new FaultyPair();
    await pair.start();
    const services = '/api/v1/namespaces/default/services';
    const spec = { type: 'NodePort', clusterIP: '10.96.0.5', ports: [{ port: 80, nodePort: 30003 }] };
    const create = (server: TestServer, name: string) =>
      server.call('POST', services, { metadata: { name }, spec }).catch((e: Error) => e.message);
    try {
      const prefix = '/registry/services/specs/default/';
      pair.breakWrite({ nth: 1, prefix, when: 'after', dies: false });
      expect(await create(pair.servers[0]!, 'first')).toContain('the answer was lost');
      expect(await create(pair.servers[1]!, 'second')).toContain('provided IP is already allocated');
      await expectBalance(pair.servers[1]!);
      // The same with the write itself lost: nobody has it, and the repair finds that out.
      await pair.servers[1]!.call('DELETE', `${services}/first`);
      pair.breakWrite({ nth: 1, prefix, when: 'before', dies: false });
      expect(await create(pair.servers[0]!, 'third')).toContain('the answer was lost');
      await repairBooks(pair.servers[1]!);
      await expectBalance(pair.servers[1]!);
      expect(await create(pair.servers[1]!, 'fourth')).toMatchObject({ spec: { clusterIP: '10.96.0.5' } });
    } finally {
      await pair.stop();
    }
  });
});
