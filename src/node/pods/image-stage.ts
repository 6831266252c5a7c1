import type { core } from '#api';
import type { Clock } from '#base';
import { ImageError, type ImageInfo, type PodRuntime } from '../runtime.js';
import { RetryBackoff } from './restart-backoff.js';

/** Gets a container's image, and remembers how long to wait after a failure. */
export class ImageStage {
  readonly #runtime: PodRuntime;
  readonly #clock: Clock;
  readonly #backoff: RetryBackoff;
  #failedAt: number | undefined;

  constructor(runtime: PodRuntime, clock: Clock) {
    this.#runtime = runtime;
    this.#clock = clock;
    this.#backoff = new RetryBackoff(() => clock.now());
  }

  /** The last try has failed. */
  get hasFailed(): boolean {
    return this.#failedAt !== undefined;
  }

  /** Milliseconds until the next try is due. */
  get remainingMs(): number {
    return this.#failedAt === undefined ? 0 : this.#backoff.remaining(this.#failedAt);
  }

  /** Another image is asked for: it is tried at once. */
  reset(): void {
    this.#failedAt = undefined;
  }

  /** Answers with ImageError instead of throwing it; anything else rejects. */
  async ensure(spec: core.Container): Promise<ImageInfo | ImageError> {
    try {
      const info = await this.#runtime.ensureImage(spec.image ?? '', spec.imagePullPolicy ?? 'IfNotPresent');
      this.#failedAt = undefined;
      return info;
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      this.#failedAt = this.#clock.now();
      this.#backoff.next();
      return error;
    }
  }
}
