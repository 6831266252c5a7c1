import type { KeyValue } from '../store.js';
import type { WireKeyValue } from './messages.js';

/** Keys on the wire are bytes, with the store's prefix in front. */
export class Keys {
  readonly #prefix: string;
  constructor(prefix: string) {
    this.#prefix = prefix;
  }
  encode(key: string): Buffer {
    return Buffer.from(this.#prefix + key, 'utf8');
  }
  decode(key: Buffer): string {
    return key.toString('utf8').slice(this.#prefix.length);
  }
  pair(wire: WireKeyValue): KeyValue {
    return {
      key: this.decode(wire.key),
      // A copy: the decoded value is a window into the whole message, which would stay in memory with it.
      value: Buffer.from(wire.value),
      createRevision: wire.create_revision,
      modRevision: wire.mod_revision,
      version: wire.version,
    };
  }
}
