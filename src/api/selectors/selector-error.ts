import { StatusError } from '../status.js';

/** A selector text or object is invalid. `message` is upstream's; unless caught it is answered as BadRequest. */
export class SelectorError extends StatusError {
  constructor(message: string) {
    super('BadRequest', message);
    this.name = 'SelectorError';
  }
}
