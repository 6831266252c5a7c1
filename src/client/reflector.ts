import { isExpired, isStatus, type KubeObject } from '#api';
import { backoffDelay, type Logger, sleep } from '#base';
import type { InformerOptions, ResourceClient, WatchEvent } from './client.js';

const PAGE_SIZE = 500;
const BACKOFF = { initialMs: 200, maxMs: 30_000, jitter: 1 };
/** A watch that ends sooner than this without an event counts as a failure (client-go: "very short watch"). */
const SHORT_WATCH_MS = 1000;

/** Where a reflector delivers: a full replacement first, then changes in order. */
export interface ReflectorSink<T extends KubeObject> {
  /** The complete state at a revision; ends any state that was there before. */
  replace(objects: T[], resourceVersion: string): Promise<void>;
  apply(event: WatchEvent<T>): void;
  /** The sink's own object when it has this one at this revision: a new list then shares it instead of doubling the state. */
  current(object: T): T | undefined;
  /** Called on every contact with the server. */
  contact(): void;
}

/**
 * Keeps a sink equal to the server's state (client-go tools/cache Reflector): a watch-list where the server
 * has it, else paged list and watch; resumes at the last revision, relists when that is gone, backs off with
 * jitter and never gives up until the signal aborts.
 */
export async function reflect<T extends KubeObject>(
  client: ResourceClient<T>,
  options: InformerOptions<T>,
  sink: ReflectorSink<T>,
  deps: { logger: Logger; name: string; signal: AbortSignal },
): Promise<void> {
  const reflector = new Reflector(client, options, sink, deps);
  await reflector.run();
}

class Reflector<T extends KubeObject> {
  readonly #client: ResourceClient<T>;
  readonly #options: InformerOptions<T>;
  readonly #sink: ReflectorSink<T>;
  readonly #deps: { logger: Logger; name: string; signal: AbortSignal };
  #resourceVersion = '';
  #watchList = true;
  #failures = 0;

  constructor(
    client: ResourceClient<T>,
    options: InformerOptions<T>,
    sink: ReflectorSink<T>,
    deps: { logger: Logger; name: string; signal: AbortSignal },
  ) {
    this.#client = client;
    this.#options = options;
    this.#sink = sink;
    this.#deps = deps;
  }

  async run(): Promise<void> {
    const { signal } = this.#deps;
    while (!signal.aborted) {
      try {
        await this.#once();
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(error);
      }
    }
  }

  async #once(): Promise<void> {
    if (this.#resourceVersion === '') {
      if (this.#watchList) return this.#watch(true);
      await this.#list();
    }
    await this.#watch(false);
  }

  async #recover(error: unknown): Promise<void> {
    if (this.#options.optional === true && isStatus(error, 'NotFound')) {
      this.#sink.contact();
      this.#sink.replace([], '');
      this.#resourceVersion = '';
      return sleep(BACKOFF.maxMs, this.#deps.signal);
    }
    if (isExpired(error)) {
      this.#resourceVersion = '';
      if (this.#failures++ === 0) return;
    } else if (this.#watchList && this.#resourceVersion === '' && isStatus(error, 'Invalid', 'BadRequest')) {
      // The server does not know watch-lists (before 1.32, or the gate is off).
      this.#watchList = false;
      return;
    } else {
      const level = this.#failures === 0 ? 'debug' : 'warn';
      this.#deps.logger[level]('watch interrupted', { resource: this.#deps.name, err: error });
      this.#failures++;
    }
    await sleep(backoffDelay(BACKOFF, Math.min(this.#failures - 1, 10)), this.#deps.signal);
  }

  async #list(): Promise<void> {
    const items: T[] = [];
    let token: string | undefined;
    let resourceVersion = '';
    do {
      const page = await this.#client.list({
        ...this.#selectors(),
        limit: PAGE_SIZE,
        signal: this.#deps.signal,
        ...(token === undefined ? {} : { continue: token }),
      });
      items.push(...page.items.map((o) => this.#transform(o)));
      resourceVersion = page.metadata.resourceVersion ?? '';
      token = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (token !== undefined);
    this.#resourceVersion = resourceVersion;
    await this.#sink.replace(items, resourceVersion);
    this.#sink.contact();
  }

  #selectors(): { namespace?: string; labelSelector?: string; fieldSelector?: string } {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }

  #transform(object: T): T {
    const { transform } = this.#options;
    return this.#sink.current(object) ?? (transform === undefined ? object : transform(object));
  }

  /** One watch request; `initial` asks for the existing objects first and replaces the sink's state with them. */
  async #watch(initial: boolean): Promise<void> {
    const started = Date.now();
    let events = 0;
    let initialObjects: T[] | undefined = initial ? [] : undefined;
    const stream = this.#client.watch({
      ...this.#selectors(),
      allowWatchBookmarks: true,
      timeoutSeconds: 300 + Math.floor(Math.random() * 300),
      signal: this.#deps.signal,
      ...(initial ? { sendInitialEvents: true } : { resourceVersion: this.#resourceVersion }),
    });
    for await (const event of stream) {
      events++;
      this.#sink.contact();
      const resourceVersion = event.object.metadata.resourceVersion ?? '';
      if (event.type === 'BOOKMARK') {
        if (initialObjects !== undefined && endsInitialEvents(event.object)) {
          await this.#sink.replace(initialObjects, resourceVersion);
          initialObjects = undefined;
        }
      } else {
        const object = this.#transform(event.object);
        if (initialObjects !== undefined) initialObjects.push(object);
        else this.#sink.apply({ type: event.type, object });
      }
      if (initialObjects === undefined) {
        this.#resourceVersion = resourceVersion;
        this.#failures = 0;
      }
      if (event.type === 'BOOKMARK') this.#sink.apply(event);
    }
    if (initialObjects !== undefined && !this.#deps.signal.aborted)
      throw new Error('watch-list ended before its initial events');
    if (events === 0 && Date.now() - started < SHORT_WATCH_MS)
      throw new Error('very short watch: closed without an event');
  }
}

function endsInitialEvents(object: KubeObject): boolean {
  return object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true';
}
