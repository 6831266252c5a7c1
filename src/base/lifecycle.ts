/**
 * Ordered start and stop. Everything long-running in kubesvc is a Startable, and only the composition root
 * (cli) and explicit groups start things, so that "what runs when" is readable in one place.
 */
export interface Startable {
  /** Resolves when the thing serves. Rejecting means that nothing was left running. */
  start(): Promise<void>;
  /** Ends timers, children and connections that the thing owns. Idempotent; must not reject for "already stopped". */
  stop(): Promise<void>;
}

/** Starts members in order and stops them in reverse; a failed start stops what had started before it rethrows. */
export class Group implements Startable {
  readonly #members: Startable[];
  readonly #started: Startable[] = [];

  constructor(members: Startable[] = []) {
    this.#members = [...members];
  }

  /** Adds a member; if the group is already running, the caller starts it through `startMember`. */
  add(member: Startable): void {
    this.#members.push(member);
  }

  async start(): Promise<void> {
    for (const member of this.#members) await this.#startOne(member);
  }

  /** Starts a member now and remembers it for stop. */
  async startMember(member: Startable): Promise<void> {
    await this.#startOne(member);
  }

  async #startOne(member: Startable): Promise<void> {
    try {
      await member.start();
      this.#started.push(member);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops everything that started, last first; the first error is rethrown after all have been tried. */
  async stop(): Promise<void> {
    let first: unknown;
    for (let member = this.#started.pop(); member !== undefined; member = this.#started.pop()) {
      try {
        await member.stop();
      } catch (error) {
        first ??= error;
      }
    }
    if (first !== undefined) throw first;
  }
}
