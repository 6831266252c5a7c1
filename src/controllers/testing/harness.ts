import { type Clock, createMetrics, type Startable, silentLogger, systemClock } from '#base';
import { createInformerFactory, type InformerFactory } from '#client';
import { FakeClient } from '#client/testing';
import { type ControllerDeps, createControllerDeps } from '../deps.js';

export interface RecordedEvent {
  object: string;
  type: string;
  reason: string;
  message: string;
}

/** Controllers against an in-memory API, with their Events recorded. */
export class Harness {
  readonly client: FakeClient;
  readonly events: RecordedEvent[] = [];
  readonly deps: ControllerDeps;
  readonly #informers: InformerFactory;
  readonly #running: Startable[] = [];

  /** `clock` decides about all timers of the controllers; `client` may hold the state of an earlier harness. */
  constructor(clock: Clock = systemClock, client = new FakeClient()) {
    this.client = client;
    this.#informers = createInformerFactory(client, { logger: silentLogger });
    this.deps = createControllerDeps({
      client,
      clock,
      informers: this.#informers,
      logger: silentLogger,
      metrics: createMetrics(),
      recorder: () => ({
        event: (object, type, reason, message) =>
          this.events.push({ object: object.metadata.name ?? '', type, reason, message }),
      }),
    });
  }

  /** Starts a controller; `stop` ends it with the harness. */
  async start(build: (deps: ControllerDeps) => Startable): Promise<Startable> {
    const controller = build(this.deps);
    this.#running.push(controller);
    await controller.start();
    return controller;
  }

  /** Resolves when nothing has been written for a number of event loop turns. */
  async settle(): Promise<void> {
    let quiet = 0;
    let last = '';
    while (quiet < 15) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      const now = `${this.client.revision}/${this.client.actions.length}`;
      quiet = now === last ? quiet + 1 : 0;
      last = now;
    }
  }

  async stop(): Promise<void> {
    for (const controller of this.#running.splice(0).reverse()) await controller.stop();
    this.#informers.stop();
  }
}
