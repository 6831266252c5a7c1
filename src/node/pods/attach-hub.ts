import type { RuntimeContainer } from '../runtime.js';

export type AttachListener = (stream: 'stdout' | 'stderr', chunk: Buffer) => void;

/** Lets any number of clients see a container's output from now on, and write to its input. */
export class AttachHub {
  readonly container: RuntimeContainer;
  readonly #listeners = new Set<AttachListener>();
  /** Resolves when the output has ended. */
  readonly ended: Promise<void>;
  #resolve: () => void = () => {};

  constructor(container: RuntimeContainer) {
    this.container = container;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Returns the remover. */
  listen(listener: AttachListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emitOutput(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    for (const listener of this.#listeners) listener(stream, chunk);
  }

  end(): void {
    this.#listeners.clear();
    this.#resolve();
  }
}
