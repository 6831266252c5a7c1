import { type Clock, createMetrics, type Startable, silentLogger, systemClock } from '#base';
import { type Client, createInformerFactory, type InformerFactory } from '#client';
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

  /**
   * `clock` decides about all timers of the controllers; `client` may hold the state of an earlier harness, and be
   * reached `through` another one.
   */
  constructor(clock: Clock = systemClock, client = new FakeClient(), through: Client = client) {
    this.client = client;
    this.#informers = createInformerFactory(through, { logger: silentLogger });
    this.deps = createControllerDeps({
      client: through,
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

  /** Builds all of them, then starts them; `stop` ends them with the harness. Returns the first. */
  async start(...builds: ((deps: ControllerDeps) => Startable)[]): Promise<Startable> {
    const controllers = builds.map((build) => build(this.deps));
    this.#running.push(...controllers);
    for (const controller of controllers) await controller.start();
    return controllers[0]!;
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
