import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '#base';
import { createLmdbStore } from '#storage';
import { TestClient, type TestEvent, type TestWatch } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const NAMES = ['a', 'b', 'c'] as const;

type Step =
  | { do: 'write'; name: string; delete: boolean }
  | { do: 'read'; events: number }
  | { do: 'reconnect' }
  | { do: 'compact' }
  | { do: 'restart' };

/** Mostly writes and reads; restarts are rare because they take their time. */
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      name: fc.constantFrom(...NAMES),
      delete: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('read' as const), events: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 3, arbitrary: fc.constant<Step>({ do: 'reconnect' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'compact' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'restart' }) },
);

/** An API server on a store that survives it. */
class Cluster {
  readonly #directory = mkdtempSync(join(tmpdir(), 'kubesvc-replay-'));
  #server: TestServer | undefined;
  #client: TestClient | undefined;

  async start(): Promise<void> {
    const store = await createLmdbStore({ directory: this.#directory, logger: silentLogger });
    await store.start();
    this.#server = await startServer({}, { store });
    this.#client = new TestClient(this.#server, this.#server.admin);
  }

  get client(): TestClient {
    return this.#client!;
  }

  async stop(): Promise<void> {
    this.#client?.close();
    await this.#server?.close();
  }

  async compact(): Promise<void> {
    const { store } = this.#server!;
    await store.compact(await store.revision());
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** What was written, in the order in which it was, as the events that it must make. */
class Writer {
  readonly log: string[] = [];
  readonly #present = new Set<string>();

  async write(client: TestClient, name: string, remove: boolean): Promise<void> {
    const there = this.#present.has(name);
    if (remove && !there) return;
    if (remove) {
      expect((await client.delete(`${MAPS}/${name}`)).status).toBe(200);
      this.#present.delete(name);
    } else if (there) {
      const body = { data: { n: String(this.log.length) } };
      expect((await client.patch(`${MAPS}/${name}`, 'merge', body)).status).toBe(200);
    } else {
      expect((await client.post(MAPS, { metadata: { name } })).status).toBe(201);
      this.#present.add(name);
    }
    this.log.push(`${remove ? 'DELETED' : there ? 'MODIFIED' : 'ADDED'} ${name}`);
  }
}

/** A reflector by hand: lists, watches, goes on where it was, and lists again when that is gone. */
class Follower {
  readonly state = new Map<string, object>();
  #version = '';
  #watch: TestWatch | undefined;
  /** Index into the writer's log of the next event to come. */
  #next = 0;

  get lag(): (log: string[]) => number {
    return (log) => log.length - this.#next;
  }

  disconnect(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  async list(client: TestClient, log: string[]): Promise<void> {
    const { metadata, items } = (await client.get(MAPS)).json;
    this.state.clear();
    for (const item of items) this.state.set(item.metadata.name, bare(item));
    this.#version = metadata.resourceVersion;
    this.#next = log.length;
  }

  /** Takes the next events, which must be the next of the log, each at a later version. */
  async read(client: TestClient, log: string[], count: number): Promise<void> {
    for (let left = Math.min(count, this.lag(log)); left > 0; left--) {
      const event = await this.#event(client);
      if (event.type === 'ERROR') {
        expect(event.object).toMatchObject({ code: 410, reason: 'Expired' });
        this.disconnect();
        return this.list(client, log);
      }
      this.#apply(event, log);
    }
  }

  async #event(client: TestClient): Promise<TestEvent> {
    this.#watch ??= await client.watch(`${MAPS}?watch=true&resourceVersion=${this.#version}`);
    return (await this.#watch.take(1))[0]!;
  }

  #apply({ type, object }: TestEvent, log: string[]): void {
    const { name, resourceVersion } = object.metadata;
    expect(`${type} ${name}`).toBe(log[this.#next]);
    expect(Number(resourceVersion)).toBeGreaterThan(Number(this.#version));
    this.#next++;
    this.#version = resourceVersion;
    if (type === 'DELETED') this.state.delete(name);
    else this.state.set(name, bare(object));
  }
}

/** Items of lists come without kind and apiVersion. */
function bare({ kind: _kind, apiVersion: _version, ...rest }: Record<string, unknown>): object {
  return rest;
}

async function replay(steps: Step[]): Promise<void> {
  const cluster = new Cluster();
  const writer = new Writer();
  const follower = new Follower();
  await cluster.start();
  try {
    await follower.list(cluster.client, writer.log);
    for (const step of steps) {
      if (step.do === 'write') await writer.write(cluster.client, step.name, step.delete);
      else if (step.do === 'read') await follower.read(cluster.client, writer.log, step.events);
      else if (step.do === 'compact') await cluster.compact();
      else follower.disconnect();
      if (step.do !== 'restart') continue;
      await cluster.stop();
      await cluster.start();
    }
    await follower.read(cluster.client, writer.log, Number.POSITIVE_INFINITY);
    const { items } = (await cluster.client.get(MAPS)).json;
    const listed = new Map(
      items.map((item: { metadata: { name: string } }) => [item.metadata.name, bare(item)]),
    );
    expect(follower.state).toEqual(listed);
  } finally {
    follower.disconnect();
    await cluster.stop();
    cluster.remove();
  }
}

describe('a watch that is replayed in order', () => {
  it('equals the list, nothing lost, doubled or reordered, over reconnects, compactions and restarts', () =>
    fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), replay), {
      numRuns: 8,
      endOnFailure: true,
    }));
});
