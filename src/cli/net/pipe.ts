import type { Duplex } from 'node:stream';

/** Joins two byte streams both ways, half-close included; when one breaks, both end. Never throws. */
export function join(a: Duplex, b: Duplex): void {
  const end = () => {
    a.destroy();
    b.destroy();
  };
  a.on('error', end);
  b.on('error', end);
  // `close` without `end` means that the other direction has nobody left to write to.
  a.on('close', () => b.destroySoon?.() ?? b.end());
  b.on('close', () => a.destroySoon?.() ?? a.end());
  a.pipe(b);
  b.pipe(a);
}

declare module 'node:stream' {
  interface Duplex {
    destroySoon?(): void;
  }
}
